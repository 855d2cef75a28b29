import type { DType, Tensor } from '../base/tensor.ts';
import type { Attribute } from './attribute.ts';

/** What a model declares about a value; a dimension is a number, a symbol, or null where nothing is said. */
export interface ValueType {
  readonly dtype: DType;
  /** null where even the rank is unknown. */
  readonly shape: readonly (number | string | null)[] | null;
}

/** A place where a value is read: input `index` of `node`. Captures (see {@link Node.captures}) have index -1. */
export interface Use {
  readonly node: Node;
  readonly index: number;
}

/**
 * A named tensor of the graph: the output of a node, a graph input, an initializer, or (a default) the last two at once.
 * Uses are kept by graph/edit.ts and by the reader; nothing else writes them.
 */
export class Value {
  name: string;
  type: ValueType | null = null;
  /** The element type by its ONNX name, where it is declared as one that this program carries but cannot read: complex64, float8e5m2. */
  foreignType: string | null = null;
  /** The node that computes this value; null for graph inputs and initializers. */
  producer: Node | null = null;
  /** The content, where the value is an initializer. Read lazily: big weights are not decoded before they are asked for. */
  initializer: Initializer | null = null;
  readonly uses: Use[] = [];
  /** The graph input or output of the user's model that this value is cast from or to, where preparing gave it a name of its own. Files and settings may speak of either. */
  formerName: string | null = null;
  /** What the reader found and this program has no field for; the writer puts it back. */
  origin: unknown = null;

  constructor(name: string) {
    this.name = name;
  }

  /** The nodes that read this value, each once. */
  get consumers(): Node[] {
    return [...new Set(this.uses.map(({ node }) => node))];
  }
}

/** Content of an initializer. `origin` is the foreign message it came from, written back as it was while nobody replaces the content. */
export interface Initializer {
  /** 'other' is a type that this program carries but cannot read: complex numbers, floats narrower than 16 bits. */
  readonly dtype: DType | 'other';
  readonly dims: readonly number[];
  /** Decode the content. May be called again; it does not cache. May be a view of the model's bytes: copy before changing it. */
  read(): Tensor;
  readonly origin?: unknown;
}

/** An initializer held in memory. */
export function initializerOf(tensor: Tensor): Initializer {
  return { dtype: tensor.dtype, dims: tensor.dims, read: () => tensor };
}

export class Node {
  name: string;
  readonly opType: string;
  /** '' is the standard ONNX domain ('ai.onnx' is read as ''). */
  readonly domain: string;
  /** null where an optional input is absent. Written by graph/edit.ts only. */
  readonly inputs: (Value | null)[] = [];
  /** null where an optional output is absent. */
  readonly outputs: (Value | null)[] = [];
  readonly attributes: Map<string, Attribute>;
  /** Values of this graph that the node's subgraphs (If, Loop, Scan bodies) read by name. They must keep their names. */
  readonly captures: Value[] = [];
  /** The operator type that the file has, where raising the opset gave the operator another name. Settings may speak of either. */
  formerType: string | null = null;
  origin: unknown = null;

  constructor(opType: string, { name = '', domain = '', attributes = new Map<string, Attribute>() } = {}) {
    this.opType = opType;
    this.domain = domain;
    this.name = name;
    this.attributes = attributes;
  }

  /** How messages call this node: its name, or its operator and first output. */
  get label(): string {
    return this.name !== '' ? this.name : `${this.opType} of '${this.outputs.find(output => output !== null)?.name ?? ''}'`;
  }

  /** How sentences call this node, that it is an operator of its type among others: `Relu 'a'`, or where it has no name its label. */
  get title(): string {
    return this.name !== '' ? `${this.opType} '${this.name}'` : this.label;
  }
}
