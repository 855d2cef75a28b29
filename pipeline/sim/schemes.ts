import type { SchemeName, SearchOptions } from '../analyzers/index.ts';
import { QuantpipeError } from '../base/errors.ts';
import type { QuantSimOptions } from './options.ts';

const DEFAULT_SCHEME: SchemeName = 'tf-enhanced';
const DEFAULT_GAMMA = 3;
const DEFAULT_PERCENTILE = 99.99;

/** How ranges are chosen, with every option decided. */
export interface Schemes {
  readonly scheme: SchemeName;
  readonly weightScheme: SchemeName;
  readonly search: SearchOptions;
}

export function chosenSchemes({ scheme = DEFAULT_SCHEME, weightScheme = scheme, gamma = DEFAULT_GAMMA, percentile = DEFAULT_PERCENTILE }: QuantSimOptions): Schemes {
  return { scheme, weightScheme, search: { gamma, percentile } };
}

/** An option of a scheme that nothing uses was meant for something. */
export function checkSchemes(options: QuantSimOptions): void {
  const { scheme, weightScheme } = chosenSchemes(options);
  for (const [option, owner] of [['gamma', 'tf-enhanced'], ['percentile', 'percentile']] as const) {
    if (options[option] === undefined || scheme === owner || weightScheme === owner) continue;
    const chosen = scheme === weightScheme ? `the scheme is ${scheme}` : `the schemes are ${scheme} (activations) and ${weightScheme} (weights)`;
    throw new QuantpipeError('config-invalid', `${option} ${options[option]} would change nothing: it belongs to the scheme ${owner}, and ${chosen}; choose scheme ${owner}, or leave ${option} out`);
  }
}
