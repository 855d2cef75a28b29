import { readFile } from 'node:fs/promises';
import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { readModel, readModelFile } from '../../pipeline/onnx/read-model.ts';
import { suite } from '../support/suite.ts';
import { type Bytes, concat, field, fixed, graph, initializer, input, model, node, output, rawData, tensor } from '../support/wire.ts';

const text = (value: string) => new TextEncoder().encode(value);
const zeros = (count: number) => rawData(new Uint8Array(count));
const relu = node('Relu', ['x'], ['y']);
const ends = concat(input('x'), output('y'));
const conv = (...weight: Parameters<typeof initializer>) => model(graph(node('Conv', ['x', 'w'], ['y']), ends, initializer(...weight)));
const body = (...parts: Bytes[]) => field(5, field(1, 'body'), field(20, 5), field(6, ...parts));
const sparse = (...parts: Bytes[]) => model(graph(relu, ends, field(15, ...parts)));

// what is wrong, its bytes, the message
const cases: [string, Bytes, string][] = [
  ['an empty file', new Uint8Array(), 'm.onnx is not an ONNX model but an empty file'],
  ['a zip archive', text('PK\x03\x04 and so on'), 'm.onnx is not an ONNX model but a zip archive, as PyTorch checkpoints are: export the model with torch.onnx.export'],
  ['a pickle', Uint8Array.of(0x80, 2, 0x8a), 'm.onnx is not an ONNX model but a Python pickle, as old PyTorch checkpoints are: export the model with torch.onnx.export'],
  ['an HDF5 file', Uint8Array.of(0x89, 0x48, 0x44, 0x46, 13), 'm.onnx is not an ONNX model but an HDF5 file, as Keras writes: convert the model with tf2onnx'],
  ['a TensorFlow Lite file', concat(Uint8Array.of(28, 0, 0, 0), text('TFL3')), 'm.onnx is not an ONNX model but a TensorFlow Lite model: convert it with tf2onnx'],
  ['an ORT file', concat(Uint8Array.of(28, 0, 0, 0), text('ORTM')), 'm.onnx is not an ONNX model but a model in the ORT format: use the ONNX file that it was made from'],
  ['a Git LFS pointer', text('version https://git-lfs.github.com/spec/v1\n'), 'm.onnx is not an ONNX model but a Git LFS pointer: fetch the model with git lfs pull'],
  ['an Arrow file', text('ARROW1\0\0'), 'm.onnx is not an ONNX model but an Arrow file: the model comes first, data second'],
  ['an Arrow stream', Uint8Array.of(0xff, 0xff, 0xff, 0xff, 16, 0, 0, 0), 'm.onnx is not an ONNX model but an Arrow stream: the model comes first, data second'],
  ['a Parquet file', text('PAR1'), 'm.onnx is not an ONNX model but a Parquet file: the model comes first, data second'],
  ['a NumPy array', concat(Uint8Array.of(0x93), text('NUMPY')), 'm.onnx is not an ONNX model but a NumPy array: the model comes first, data second'],
  ['a text file', text('{ "not": "a model" }\n'), 'm.onnx is not an ONNX model but a text file'],
  ['random bytes', Uint8Array.of(0xff, 0xfe, 0xfd, 0xfc, 0, 1, 2), 'm.onnx is not an ONNX model: *'],
  ['a message without a graph', concat(field(1, 8), field(2, 'x')), 'm.onnx is not an ONNX model: it has no graph'],
  ['a message without a format version', field(7, field(2, 'g')), 'm.onnx is not an ONNX model: its format version is 0'],
  ['a tensor', tensor('w', [2, 3], 1, zeros(24)), 'm.onnx is not an ONNX model: *'],
  ['a name that is not UTF-8', model(graph(node('Relu', ['x'], ['y'], field(3, Uint8Array.of(0xff)))), ends), 'm.onnx is not an ONNX model: *'],

  ['too few raw bytes', conv('w', [2, 3, 6, 6], 1, zeros(860)), "initializer 'w' needs 864 bytes, raw_data holds 860"],
  ['too many raw bytes', conv('w', [2], 6, zeros(12)), "initializer 'w' needs 8 bytes, raw_data holds 12"],
  ['too few packed bytes', conv('w', [5], 22, zeros(2)), "initializer 'w' needs 3 bytes, raw_data holds 2"],
  ['no content', conv('w', [2], 1), "initializer 'w' needs 8 bytes, raw_data holds 0"],
  ['too few floats', conv('w', [3], 1, field(4, new Uint8Array(8))), "initializer 'w' needs 3 values, float_data holds 2"],
  ['half a float', conv('w', [2], 1, field(4, new Uint8Array(6))), "initializer 'w' needs 2 values, float_data holds 1.5"],
  ['too few integers', conv('w', [3], 7, field(7, Uint8Array.of(1, 0x80, 1))), "initializer 'w' needs 3 values, int64_data holds 2"],
  ['an integer of 12 bytes', conv('w', [2], 7, field(7, Uint8Array.of(4, ...new Uint8Array(11).fill(0xff), 1))), "value 1 in int64_data of initializer 'w' takes 12 bytes, and an integer takes at most 10"],
  ['a small integer padded to 11 bytes', conv('w', [1], 6, field(5, Uint8Array.of(...new Uint8Array(10).fill(0x80), 0))), "value 0 in int32_data of initializer 'w' takes 11 bytes, and an integer takes at most 10"],
  ['an integer that is cut off', conv('w', [2], 7, field(7, Uint8Array.of(1, 2, 0x80))), "int64_data of initializer 'w' ends in the middle of value 2"],
  ['too few 4-bit integers', conv('w', [5], 21, field(5, Uint8Array.of(1, 2))), "initializer 'w' needs 3 values, int32_data holds 2"],
  ['too few strings', conv('w', [2], 8, field(6, 'one')), "initializer 'w' needs 2 values, string_data holds 1"],
  ['too few complex numbers', conv('w', [2], 14, field(4, new Uint8Array(8))), "initializer 'w' needs 4 values, float_data holds 2"],
  ['an element type that there is not', conv('w', [2], 77, zeros(8)), "initializer 'w', which Conv of 'y' (Conv) reads, has element type 77, and ONNX defines none of that number"],
  ['a negative dimension', conv('w', [2, -3], 1, zeros(24)), "initializer 'w' has a negative dimension: [2, -3]"],
  ['dimensions that overflow', conv('w', [2n ** 32n, 2n ** 32n], 1, zeros(4)), "initializer 'w' has more elements than can be addressed: [4294967296, 4294967296]"],
  ['a dimension that overflows beside a zero', conv('w', [0, 2n ** 62n], 1), "initializer 'w' has more elements than can be addressed: [0, 4611686018427387904]"],
  ['a tensor attribute of the wrong size', model(graph(node('Constant', [], ['y'], field(5, field(1, 'value'), field(20, 4), field(5, tensor('', [2], 1, zeros(4)))))), output('y')), "attribute 'value' of Constant of 'y' needs 8 bytes, raw_data holds 4"],
  ['a tensor of a subgraph of the wrong size', model(graph(node('If', ['x'], ['y'], field(3, 'if1'), body(initializer('w', [2], 1, zeros(4)))), ends)), "tensor 'w' inside node 'if1' (If) needs 8 bytes, raw_data holds 4"],
  ['a tensor of a function of the wrong size', model(graph(relu, ends), field(25, field(1, 'f'), field(7, field(5, field(1, 'v'), field(5, tensor('w', [2], 1, zeros(4))))))), "tensor 'w' of function 'f' needs 8 bytes, raw_data holds 4"],
  ['a sparse tensor without indices', sparse(field(1, tensor('s', [1], 1, zeros(4)))), "sparse initializer 's' needs values and indices, and has no indices"],

  ['two initializers of one name', model(graph(relu, ends, initializer('w', [1], 1, zeros(4)), initializer('w', [1], 1, zeros(4)))), "the graph gives the name 'w' to two values, the second is an initializer"],
  ['two inputs of one name', model(graph(relu, ends, input('x'))), "the graph gives the name 'x' to two values, the second is an input"],
  ['two outputs of one name', model(graph(relu, node('Abs', ['x'], ['y'], field(3, 'abs1')), ends)), "the graph gives the name 'y' to two values, the second is an output of node 'abs1' (Abs)"],
  ['an output with the name of an input', model(graph(node('Relu', ['x'], ['x']), ends)), "the graph gives the name 'x' to two values, the second is an output of node '' (Relu)"],
  ['an initializer without a name', conv('', [1], 1, zeros(4)), 'the graph has an initializer without a name'],
  ['an attribute given twice', model(graph(node('Relu', ['x'], ['y'], field(5, field(1, 'a')), field(5, field(1, 'a'))), ends)), "attribute 'a' of Relu of 'y' is given twice"],
  ['a node without an operator', model(graph(field(1, field(1, 'x'), field(2, 'y'), field(3, 'n1')), ends)), "node 'n1' has no operator"],
  ['an undefined input', model(graph(node('Add', ['x', 'bias'], ['y'], field(3, 'add1')), ends)), "input 1 of add1 (Add) is 'bias', which nothing defines"],
  ['an undefined value in a subgraph', model(graph(node('If', ['x'], ['y'], field(3, 'if1'), body(node('Abs', ['z'], ['a']), output('a'))), ends)), "a subgraph of if1 (If) reads 'z', which nothing defines"],
  ['an undefined output', model(graph(relu, ends, output('z'))), "output 'z' of the graph is computed by no node"],
  ['a cycle', model(graph(node('Add', ['x', 'b'], ['a'], field(3, 'first')), node('Relu', ['a'], ['b'], field(3, 'second')), node('Abs', ['b'], ['y']), ends)), 'the graph has a cycle through first (Add)'],
  ['a node that reads itself', model(graph(node('Add', ['x', 'y'], ['y'], field(3, 'self')), ends)), 'the graph has a cycle through self (Add)'],
  ['no operator set', concat(field(1, 8), field(7, graph(relu, ends))), "the model imports no version of the standard operators, which Relu of 'y' (Relu) needs"],
  ['only a foreign operator set', concat(field(1, 8), field(7, graph(relu, ends)), field(8, field(1, 'com.example'), field(2, 1))), "the model imports no version of the standard operators, which Relu of 'y' (Relu) needs"],
  ['an operator of a set that is not imported', model(graph(node('Foo', ['x'], ['y'], field(7, 'com.example')), ends)), "the model imports no version of the operators of 'com.example', which Foo of 'y' (Foo) needs: add 'com.example' to its opset_import"],
  ['an operator set without a version', concat(field(1, 8), field(7, graph(relu, ends)), field(8, field(1, ''))), "operator set 'ai.onnx' is imported in version 0"],
];

function refusal(bytes: Bytes): QuantpipeError {
  try {
    readModel(bytes, { where: 'm.onnx' });
  } catch (error) {
    assert.ok(error instanceof QuantpipeError, String(error));
    return error;
  }
  return assert.unreachable('was read') as never;
}

suite('onnx/malformed', test => {
  for (const [what, bytes, message] of cases) {
    test(`refuses ${what}`, () => {
      const error = refusal(bytes);
      assert.is(error.code, 'model-malformed');
      assert.is(error.context['model'], 'm.onnx');
      if (message.endsWith('*')) assert.ok(error.message.startsWith(message.slice(0, -1)), error.message);
      else assert.is(error.message, message);
    });
  }

  test('refuses a file that was cut anywhere, and says how much is missing', async () => {
    const bytes = await readFile('fixtures/models/fmnist-cnn.onnx');
    for (let length = 1; length < bytes.length; length += 997) {
      const error = refusal(bytes.subarray(0, length));
      assert.is(error.code, 'model-malformed');
      if (length > 100) assert.match(error.message, /^m\.onnx is truncated: its graph needs \d+ bytes from offset \d+, \d+ are there$/);
    }
  });

  test('never fails in another way, whatever byte is changed', () => {
    const whole = model(graph(
      node('Conv', ['x', 'w'], ['h'], field(5, field(1, 'pads'), field(20, 7), field(8, 1)), field(3, 'conv1')), node('If', ['h'], ['y'], body(node('Abs', ['h'], ['a']), output('a'))),
      ends, initializer('w', [1, 1, 1, 2], 1, zeros(8)), initializer('i', [2], 7, field(7, Uint8Array.of(1, 2))), initializer('s', [1], 8, field(6, 'a')),
    ));
    let refused = 0;
    for (let at = 0; at < whole.length; at++) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff, whole[at]! ^ 1, whole[at]! ^ 8]) {
        try {
          for (const { initializer } of readModel(whole.with(at, value)).graph.initializers) if (initializer!.dtype !== 'other') initializer!.read();
        } catch (error) {
          assert.ok(error instanceof QuantpipeError, `byte ${at} = ${value}: ${String((error as Error).stack)}`);
          refused++;
        }
      }
    }
    assert.ok(refused > whole.length, `${refused} refused`);
  });

  test('names a file that is not there', async () => {
    const error = await readModelFile('fixtures/models/none.onnx').catch((error: QuantpipeError) => error) as QuantpipeError;
    assert.is(error.code, 'file-unreadable');
    assert.match(error.message, /^cannot read fixtures\/models\/none\.onnx: there is no such file or folder/);
  });

  test('accepts a graph of the first format versions, which had one operator set and untyped attributes', () => {
    const old = concat(field(1, 2), field(7, graph(node('LeakyRelu', ['x'], ['y'], field(5, field(1, 'alpha'), fixed(2, Uint8Array.of(0, 0, 0, 0x3f)))), ends)));
    const { graph: { nodes }, opsets } = readModel(old);
    assert.equal([...opsets], [['', 1]]);
    assert.equal(nodes[0]!.attributes.get('alpha'), { kind: 'float', value: 0.5 });
  });
});
