import { cloneModel } from '../graph/clone.ts';
import type { Model } from '../graph/graph.ts';
import { computeInFloat32 } from './compute-in-float32.ts';
import { constantsToInitializers } from './constants-to-initializers.ts';
import { foldBatchNorm } from './fold-batch-norm.ts';
import { foldConstants } from './fold-constants.ts';
import { freezeDefaults } from './freeze-defaults.ts';
import { inferTypes } from './infer-types.ts';
import type { Pass } from './pass.ts';
import { raiseOpset } from './raise-opset.ts';
import { refuseForeignInputs } from './refuse-foreign-inputs.ts';
import { refuseNewer } from './refuse-newer.ts';
import { refuseQuantized } from './refuse-quantized.ts';
import { removeDeadNodes } from './remove-dead-nodes.ts';
import { removeIdentity } from './remove-identity.ts';

/** `foldBatchNorm: false` keeps BatchNormalization, and scales and shifts beside a layer, as nodes. */
export interface PrepareOptions {
  readonly foldBatchNorm?: boolean;
}

/** One line per pass that changed what the graph computes or how, in the order they ran. Inferring types changes neither. */
export type PrepareReport = readonly { readonly pass: string; readonly rewrites: number }[];

/**
 * Everything that is done to a float model before placement, on a copy: weights in one form (initializers), float32
 * throughout, opset 13 or later, nothing that only copies, constants computed, batch normalization in the layers, and a type on every value.
 *
 * Throws `model-quantized` for a model that is quantized already, and `op-unsupported` for one whose opset is not known, or cannot be raised,
 * or whose inputs no engine can be fed.
 */
export function prepareModel(model: Model, options: PrepareOptions = {}): { model: Model; report: PrepareReport } {
  refuseNewer(model);
  refuseQuantized(model);
  refuseForeignInputs(model);
  const prepared = cloneModel(model);
  const report = passes(options)
    .map(pass => ({ pass: pass.name, rewrites: pass(prepared).rewrites }))
    .filter(({ pass, rewrites }) => rewrites > 0 && pass !== inferTypes.name);
  return { model: prepared, report };
}

function passes({ foldBatchNorm: folds = true }: PrepareOptions): Pass[] {
  return [
    constantsToInitializers,
    freezeDefaults,
    computeInFloat32,
    inferTypes, // raising Softmax asks for ranks
    raiseOpset(),
    removeIdentity,
    foldConstants,
    removeIdentity, // by a factor of 1 that was computed, say
    inferTypes, // what folding computed may tell more shapes
    ...(folds ? [foldBatchNorm] : []),
    removeDeadNodes,
    inferTypes,
  ];
}
