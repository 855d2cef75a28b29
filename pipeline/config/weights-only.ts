import type { OpSettings, QuantsimConfig } from './quantsim-config.ts';

/** A configuration that says of weights what `config` says, and quantizes no activation: what is called weight-only quantization. */
export function weightsOnly(config: QuantsimConfig): QuantsimConfig {
  const off = <Settings extends OpSettings>(settings: Settings): Settings => ({ ...settings, isInputQuantized: null, isOutputQuantized: null });
  return {
    ...config,
    defaults: { ...config.defaults, ops: off(config.defaults.ops) },
    opTypes: new Map([...config.opTypes].map(([opType, settings]) => [opType, off(settings)])),
    modelInput: { isInputQuantized: null },
    modelOutput: { isOutputQuantized: null },
  };
}
