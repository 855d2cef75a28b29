import { QuantpipeError } from '../base/errors.ts';
import type { Value } from '../graph/node.ts';
import type { Symmetry } from '../quant/grid.ts';
import type { Constraint, FloatQuantizer, Rule } from './placement.ts';

/** What the configuration says of the quantizer of one tensor, as far as it was read. */
export interface TensorSetting {
  readonly isQuantized: boolean;
  readonly isSymmetric: boolean;
  /** The kind of grid that an override asks for; null where `isSymmetric` and the defaults decide. */
  readonly symmetry: Symmetry | null;
  readonly bitwidth: number;
  /** The floating-point format that is kept instead of a grid; null where a grid is. */
  readonly format: FloatQuantizer['format'] | null;
  readonly constraint: Constraint | null;
  /** What spoke last; null while nothing has. */
  readonly rule: Rule | null;
  /** What turned it on or off last; null while nothing has. */
  readonly switchedBy: Rule | null;
}

type Field = Exclude<keyof TensorSetting, 'rule' | 'switchedBy'>;

/** The settings of tensors while the sections of a configuration are applied one after another. */
export class TensorSettings {
  readonly #settings = new Map<Value, TensorSetting>();
  /** What the current section said, by tensor and field. */
  readonly #said = new Map<Value, Map<Field, { readonly value: unknown; readonly path: string }>>();
  readonly #unsaid: TensorSetting;
  #section: Rule['section'] = 'defaults';

  /** @param kind bit-width and format of what no section gives others */
  constructor({ bitwidth, format }: Pick<TensorSetting, 'bitwidth' | 'format'>) {
    this.#unsaid = { isQuantized: false, isSymmetric: false, symmetry: null, bitwidth, format, constraint: null, rule: null, switchedBy: null };
  }

  /** What is set from now on belongs to `section`, and overrules what was set before. */
  enter(section: Rule['section']): void {
    this.#section = section;
    this.#said.clear();
  }

  /** @throws `config-invalid` where the same section has said something else of the same tensor in another place */
  set<Name extends Field>(value: Value, field: Name, setting: TensorSetting[Name], path: string): void {
    const said = this.#said.get(value) ?? new Map<Field, { readonly value: unknown; readonly path: string }>();
    const before = said.get(field);
    if (before !== undefined && before.value !== setting && before.path !== path) {
      throw new QuantpipeError('config-invalid', `${before.path} and ${path} contradict each other about tensor '${value.name}'`, { tensor: value.name });
    }
    this.#said.set(value, said.set(field, { value: setting, path }));
    const rule: Rule = { section: this.#section, path };
    this.#settings.set(value, { ...this.of(value), [field]: setting, rule, ...(field === 'isQuantized' && { switchedBy: rule }) });
  }

  of(value: Value): TensorSetting {
    return this.#settings.get(value) ?? this.#unsaid;
  }
}
