import type { Node } from '../../graph/node.ts';
import { broadcastShapes, type Shape, type ShapeTable } from './dims.ts';
import { layerShapes } from './layers.ts';
import { movementShapes } from './movement.ts';
import { reductionShapes } from './reductions.ts';

const table: ShapeTable = { ...layerShapes, ...movementShapes, ...reductionShapes };

/** One result, of the shape of the first input. */
const unchanged = new Set(`
  Abs Acos Acosh Asin Asinh Atan Atanh BatchNormalization Bernoulli BitwiseNot Cast CastLike Ceil Celu Clip Cos Cosh CumSum DequantizeLinear Dropout Elu Erf Exp
  EyeLike Floor Gelu GroupNormalization HardSigmoid HardSwish Hardmax Identity InstanceNormalization IsInf IsNaN LRN LayerNormalization LeakyRelu
  Log LogSoftmax LpNormalization MeanVarianceNormalization Mish Neg Not PRelu QuantizeLinear RMSNormalization RandomNormalLike RandomUniformLike Reciprocal Relu
  ReverseSequence Round Scatter ScatterElements ScatterND Selu Shrink Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Swish Tan Tanh
  ThresholdedRelu Trilu`.trim().split(/\s+/));

/** One result, to whose shape all inputs are broadcast. */
const broadcast = new Set(`
  Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or Pow Sub Sum Where Xor`
  .trim().split(/\s+/));

/** The shapes of what `node` computes, as far as they follow from the shapes of what it reads. */
export function outputShapes(node: Node, inputs: readonly Shape[]): readonly Shape[] {
  if (node.domain !== '') return [];
  if (unchanged.has(node.opType)) return [inputs[0] ?? null];
  if (broadcast.has(node.opType)) return [inputs.length > 0 ? broadcastShapes(inputs) : null];
  return Object.hasOwn(table, node.opType) ? table[node.opType]!(node, inputs) : [];
}
