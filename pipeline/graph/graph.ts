import { Node, Value } from './node.ts';

/**
 * A graph in memory. `values` holds every named value once; `nodes` are in topological order.
 * Edit it through graph/edit.ts, which keeps use-def links whole.
 */
export class Graph {
  name = '';
  readonly inputs: Value[] = [];
  readonly outputs: Value[] = [];
  readonly nodes: Node[] = [];
  readonly values = new Map<string, Value>();
  /** Names that subgraphs give to values of their own. A new value of this graph must not have one: it would be hidden there. */
  readonly innerNames = new Set<string>();
  origin: unknown = null;

  /** The value called `name`, made where it does not exist. */
  value(name: string): Value {
    let value = this.values.get(name);
    if (value === undefined) this.values.set(name, (value = new Value(name)));
    return value;
  }

  /** Values with content, in the order they were first named. */
  get initializers(): Value[] {
    return [...this.values.values()].filter(value => value.initializer !== null);
  }
}

/** An ONNX model: the main graph, and what surrounds it. */
export interface Model {
  readonly graph: Graph;
  /** Operator set version by domain; '' is the standard domain. */
  readonly opsets: Map<string, number>;
  /** The ModelProto it was read from, for what has no field here (metadata, functions, training info, unknown fields). */
  origin: unknown;
  /** The files it was read from, those of external data too; absent where it was read from bytes, or changed since. */
  readonly files?: readonly string[];
}
