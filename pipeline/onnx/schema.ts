import { create, createFileRegistry, type DescMessage, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import {
  Edition, FeatureSet_RepeatedFieldEncoding, FieldDescriptorProto_Label, FieldDescriptorProto_Type, FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';

import type { MessageTypes } from './messages.ts';

// The messages of the ONNX format (IR version 14), by their public field numbers; onnx/onnx, onnx.proto.
//
// Every field has explicit presence, so that a default which was written out is written out again. Fields that are
// not listed are unknown to the library, which carries them through: those of newer versions of the format and, on
// purpose, TensorProto's float_data (4), int32_data (5), int64_data (7), double_data (10) and uint64_data (11):
// they may be large, and stay undecoded bytes until tensor-data.ts reads them.
//
// `string` must be UTF-8. `text` is the same on the wire, but of no meaning to this program: it is never decoded.
// `[]` is a repeated field. A oneof is given as its members, an enum as int32: the same on the wire, and nothing is dropped.
const schema = `
ModelProto
  1 ir_version int64
  2 producer_name text
  3 producer_version text
  4 domain text
  5 model_version int64
  6 doc_string text
  7 graph GraphProto
  8 opset_import OperatorSetIdProto[]
  14 metadata_props StringStringEntryProto[]
  20 training_info TrainingInfoProto[]
  25 functions FunctionProto[]
  26 configuration DeviceConfigurationProto[]
GraphProto
  1 node NodeProto[]
  2 name string
  5 initializer TensorProto[]
  10 doc_string text
  11 input ValueInfoProto[]
  12 output ValueInfoProto[]
  13 value_info ValueInfoProto[]
  14 quantization_annotation TensorAnnotation[]
  15 sparse_initializer SparseTensorProto[]
  16 metadata_props StringStringEntryProto[]
NodeProto
  1 input string[]
  2 output string[]
  3 name string
  4 op_type string
  5 attribute AttributeProto[]
  6 doc_string text
  7 domain string
  8 overload string
  9 metadata_props StringStringEntryProto[]
  10 device_configurations NodeDeviceConfigurationProto[]
AttributeProto
  1 name string
  2 f float
  3 i int64
  4 s bytes
  5 t TensorProto
  6 g GraphProto
  7 floats float[]
  8 ints int64[]
  9 strings bytes[]
  10 tensors TensorProto[]
  11 graphs GraphProto[]
  13 doc_string text
  14 tp TypeProto
  15 type_protos TypeProto[]
  20 type int32
  21 ref_attr_name string
  22 sparse_tensor SparseTensorProto
  23 sparse_tensors SparseTensorProto[]
TensorProto
  1 dims int64[]
  2 data_type int32
  3 segment TensorProto_Segment
  6 string_data bytes[]
  8 name string
  9 raw_data bytes
  12 doc_string text
  13 external_data StringStringEntryProto[]
  14 data_location int32
  16 metadata_props StringStringEntryProto[]
TensorProto_Segment
  1 begin int64
  2 end int64
SparseTensorProto
  1 values TensorProto
  2 indices TensorProto
  3 dims int64[]
ValueInfoProto
  1 name string
  2 type TypeProto
  3 doc_string text
  4 metadata_props StringStringEntryProto[]
TypeProto
  1 tensor_type TypeProto_Tensor
  4 sequence_type TypeProto_Element
  5 map_type TypeProto_Map
  6 denotation text
  7 opaque_type TypeProto_Opaque
  8 sparse_tensor_type TypeProto_Tensor
  9 optional_type TypeProto_Element
TypeProto_Tensor
  1 elem_type int32
  2 shape TensorShapeProto
TypeProto_Element
  1 elem_type TypeProto
TypeProto_Map
  1 key_type int32
  2 value_type TypeProto
TypeProto_Opaque
  1 domain text
  2 name text
TensorShapeProto
  1 dim TensorShapeProto_Dimension[]
TensorShapeProto_Dimension
  1 dim_value int64
  2 dim_param string
  3 denotation text
FunctionProto
  1 name string
  4 input string[]
  5 output string[]
  6 attribute string[]
  7 node NodeProto[]
  8 doc_string text
  9 opset_import OperatorSetIdProto[]
  10 domain string
  11 attribute_proto AttributeProto[]
  12 value_info ValueInfoProto[]
  13 overload string
  14 metadata_props StringStringEntryProto[]
TrainingInfoProto
  1 initialization GraphProto
  2 algorithm GraphProto
  3 initialization_binding StringStringEntryProto[]
  4 update_binding StringStringEntryProto[]
OperatorSetIdProto
  1 domain string
  2 version int64
StringStringEntryProto
  1 key text
  2 value text
TensorAnnotation
  1 tensor_name string
  2 quant_parameter_tensor_names StringStringEntryProto[]
DeviceConfigurationProto
  1 name text
  2 num_devices int32
  3 device text[]
NodeDeviceConfigurationProto
  1 configuration_id text
  2 sharding_spec ShardingSpecProto[]
  3 pipeline_stage int32
ShardingSpecProto
  1 tensor_name string
  2 device int64[]
  3 index_to_device_group_map IntIntListEntryProto[]
  4 sharded_dim ShardedDimProto[]
ShardedDimProto
  1 axis int64
  2 simple_sharding SimpleShardedDimProto[]
SimpleShardedDimProto
  1 dim_value int64
  2 dim_param text
  3 num_shards int64
IntIntListEntryProto
  1 key int64
  2 value int64[]
`;

const scalars: Readonly<Record<string, FieldDescriptorProto_Type>> = {
  float: FieldDescriptorProto_Type.FLOAT,
  int32: FieldDescriptorProto_Type.INT32,
  int64: FieldDescriptorProto_Type.INT64,
  string: FieldDescriptorProto_Type.STRING,
  bytes: FieldDescriptorProto_Type.BYTES,
  text: FieldDescriptorProto_Type.BYTES,
};

function parseField(line: string) {
  const [number, name, type] = line.trim().split(' ') as [string, string, string];
  const typeName = type.replace('[]', '');
  return {
    name, number: Number(number),
    label: type.endsWith('[]') ? FieldDescriptorProto_Label.REPEATED : FieldDescriptorProto_Label.OPTIONAL,
    ...(typeName in scalars ? { type: scalars[typeName]! } : { type: FieldDescriptorProto_Type.MESSAGE, typeName: `.onnx.${typeName}` }),
  };
}

function parseSchema() {
  const messageType = schema.trim().split(/\n(?! )/).map(block => {
    const [name, ...fields] = block.split('\n') as [string, ...string[]];
    return { name, field: fields.map(parseField) };
  });
  return create(FileDescriptorProtoSchema, {
    name: 'onnx.proto', package: 'onnx', syntax: 'editions', edition: Edition.EDITION_2023, messageType,
    options: { features: { repeatedFieldEncoding: FeatureSet_RepeatedFieldEncoding.EXPANDED } },
  });
}

const registry = createFileRegistry(parseSchema(), () => undefined);

/** A message type of the format, by its name in onnx.proto. */
export type MessageName = keyof MessageTypes;

function descriptor(name: MessageName): DescMessage {
  return registry.getMessage(`onnx.${name}`)!;
}

/** Parse the bytes of a message. `bytes` fields of the result are views of `bytes`. Throws what the library throws. */
export function decodeMessage<Name extends MessageName>(name: Name, bytes: Uint8Array): MessageTypes[Name] {
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength); // a Buffer's slice() and subarray() differ from all others'
  return fromBinary(descriptor(name), plain) as Message as MessageTypes[Name];
}

/** The bytes of a message: known fields in the order of their numbers, then unknown ones. */
export function encodeMessage<Name extends MessageName>(name: Name, message: MessageTypes[Name]): Uint8Array {
  return toBinary(descriptor(name), message);
}

/** A message with these fields and no others. */
export function createMessage<Name extends MessageName>(name: Name, fields: Partial<MessageTypes[Name]> = {}): MessageTypes[Name] {
  return create(descriptor(name), fields as never) as Message as MessageTypes[Name];
}

/** A copy of `message` that shares all of its content (unknown fields too), with `fields` in place of its own. */
export function changedMessage<T extends Message>(message: T, fields: Partial<T>): T {
  return Object.assign(Object.create(Object.getPrototypeOf(message) as object) as T, message, fields);
}

/** Whether a field is present, be it with its default value. */
export function isPresent<T extends Message>(message: T, field: keyof T & string): boolean {
  return Object.hasOwn(message, field);
}
