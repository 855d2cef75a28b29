import type { Message } from '@bufbuild/protobuf';

// The messages of schema.ts as types: those fields that this program reads or writes. All others are carried.
// A scalar that is absent reads as its zero; isPresent() of schema.ts tells the two apart.

export interface ModelProto extends Message {
  irVersion: bigint;
  producerName: Uint8Array;
  graph?: GraphProto;
  opsetImport: OperatorSetIdProto[];
  trainingInfo: TrainingInfoProto[];
  functions: FunctionProto[];
}

export interface GraphProto extends Message {
  name: string;
  node: NodeProto[];
  initializer: TensorProto[];
  sparseInitializer: SparseTensorProto[];
  input: ValueInfoProto[];
  output: ValueInfoProto[];
  valueInfo: ValueInfoProto[];
  quantizationAnnotation: TensorAnnotation[];
}

export interface NodeProto extends Message {
  input: string[];
  output: string[];
  name: string;
  opType: string;
  domain: string;
  overload: string;
  attribute: AttributeProto[];
}

export interface AttributeProto extends Message {
  name: string;
  type: number;
  refAttrName: string;
  f: number;
  i: bigint;
  s: Uint8Array;
  t?: TensorProto;
  g?: GraphProto;
  sparseTensor?: SparseTensorProto;
  floats: number[];
  ints: bigint[];
  strings: Uint8Array[];
  tensors: TensorProto[];
  graphs: GraphProto[];
  sparseTensors: SparseTensorProto[];
}

export interface TensorProto extends Message {
  name: string;
  dims: bigint[];
  dataType: number;
  rawData: Uint8Array;
  stringData: Uint8Array[];
  externalData: StringStringEntryProto[];
  dataLocation: number;
}

export interface SparseTensorProto extends Message {
  values?: TensorProto;
  indices?: TensorProto;
  dims: bigint[];
}

export interface ValueInfoProto extends Message {
  name: string;
  type?: TypeProto;
}

export interface TypeProto extends Message {
  tensorType?: TensorTypeProto;
}

export interface TensorTypeProto extends Message {
  elemType: number;
  shape?: TensorShapeProto;
}

export interface TensorShapeProto extends Message {
  dim: DimensionProto[];
}

export interface DimensionProto extends Message {
  dimValue: bigint;
  dimParam: string;
}

export interface FunctionProto extends Message {
  name: string;
  domain: string;
  overload: string;
  input: string[];
  output: string[];
  node: NodeProto[];
  opsetImport: OperatorSetIdProto[];
  attributeProto: AttributeProto[];
}

export interface TrainingInfoProto extends Message {
  initialization?: GraphProto;
  algorithm?: GraphProto;
}

export interface OperatorSetIdProto extends Message {
  domain: string;
  version: bigint;
}

export interface TensorAnnotation extends Message {
  tensorName: string;
}

export interface StringStringEntryProto extends Message {
  key: Uint8Array;
  value: Uint8Array;
}

/** Message types by their names in schema.ts. */
export interface MessageTypes {
  ModelProto: ModelProto;
  GraphProto: GraphProto;
  NodeProto: NodeProto;
  AttributeProto: AttributeProto;
  TensorProto: TensorProto;
  SparseTensorProto: SparseTensorProto;
  ValueInfoProto: ValueInfoProto;
  TypeProto: TypeProto;
  TypeProto_Tensor: TensorTypeProto;
  TensorShapeProto: TensorShapeProto;
  TensorShapeProto_Dimension: DimensionProto;
  FunctionProto: FunctionProto;
  TrainingInfoProto: TrainingInfoProto;
  OperatorSetIdProto: OperatorSetIdProto;
  TensorAnnotation: TensorAnnotation;
  StringStringEntryProto: StringStringEntryProto;
}
