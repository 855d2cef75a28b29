import * as assert from 'uvu/assert';

import type { Constraint, EncodingTable, Placement } from '../../pipeline/config/placement.ts';
import { biasWarnings } from '../../pipeline/export/bias-encodings.ts';
import { checkEncodingsVersion, encodingsJson, encodingsWarnings, type EncodingsVersion, encodingsVersions } from '../../pipeline/export/encodings-json.ts';
import { intAttribute } from '../../pipeline/graph/attribute.ts';
import { grid } from '../../pipeline/quant/grid.ts';
import { golden } from '../support/golden.ts';
import { buildModel, weight } from '../support/graphs.ts';
import { placementOf } from '../support/placements.ts';
import { suite } from '../support/suite.ts';
import { messageOf } from '../support/thrown.ts';
import { everyGranularity, node, smallNetwork } from './models.ts';

const scheme = 'tf-enhanced';
const versions = Object.keys(encodingsVersions) as EncodingsVersion[];

type Records = Record<string, unknown>[];

/** What a version says of the small network. */
function written(version: EncodingsVersion): Record<string, unknown> {
  const { model, placement, encodings } = smallNetwork();
  return JSON.parse(encodingsJson(model, placement, encodings, { version, scheme })) as Record<string, unknown>;
}

const entryIn = (list: unknown, name: string): unknown => (list as Records).find(entry => entry['name'] === name);

suite('export/encodings-json', test => {
  test('writes AIMET 1.0.0: lists of records, offsets never positive', () => {
    const file = written('1.0.0');
    assert.equal((file['activation_encodings'] as Records).map(({ name }) => name), ['image', 'positive', 'flat', 'logits']);
    assert.equal((file['param_encodings'] as Records).map(({ name }) => name), ['kernel', 'matrix', 'shift', 'offset']);
    assert.equal(entryIn(file['activation_encodings'], 'positive'), { name: 'positive', enc_type: 'PER_TENSOR', dtype: 'INT', bw: 8, is_sym: false, scale: [9 / 255], offset: [0] });
    assert.equal(entryIn(file['param_encodings'], 'kernel'), { name: 'kernel', enc_type: 'PER_CHANNEL', dtype: 'INT', bw: 8, is_sym: true, scale: [2 / 127, 2 / 127], offset: [-128, -128] });
    assert.equal(file['quantizer_args'], {
      activation_bitwidth: 8, dtype: 'int', is_symmetric: true, param_bitwidth: 8, per_channel_quantization: true, quant_scheme: 'tf_enhanced',
    });
  });

  test('quantizer_args say float where nothing is on a grid, and 32 bits of what has no quantizer', () => {
    const { model, placement, encodings } = smallNetwork();
    const formats = placement.quantizers.map(({ tensor, role, rule }) => ({ tensor, role, format: 'float16' as const, rule }));
    const argsOf = (changed: Partial<Placement>, version: '0.6.1' | '1.0.0') =>
      (JSON.parse(encodingsJson(model, { ...placement, biases: [], ...changed }, encodings, { version, scheme })) as { quantizer_args: Record<string, unknown> }).quantizer_args;
    for (const version of ['0.6.1', '1.0.0'] as const) {
      const kinds = (changed: Partial<Placement>) => ['dtype', 'activation_bitwidth', 'param_bitwidth'].map(key => argsOf(changed, version)[key]);
      assert.equal(kinds({ quantizers: [], floats: formats }), ['float', 16, 16]);
      assert.equal(kinds({ quantizers: placement.quantizers.filter(({ role }) => role === 'weight'), floats: formats.filter(({ role }) => role === 'activation') }), ['int', 16, 8]);
      assert.equal(kinds({ quantizers: placement.quantizers.filter(({ role }) => role === 'weight') }), ['int', 32, 8]);
      assert.equal(kinds({ quantizers: placement.quantizers.filter(({ role }) => role === 'activation') }), ['int', 8, 32]);
    }
  });

  test('writes AIMET 0.6.1: a list of channels under each name, booleans as words', () => {
    const file = written('0.6.1') as Record<string, Record<string, unknown>>;
    assert.equal(Object.keys(file['activation_encodings']!).sort(), ['flat', 'image', 'logits', 'positive']);
    assert.equal(file['activation_encodings']!['positive'], [{ bitwidth: 8, dtype: 'int', is_symmetric: 'False', min: 0, max: 9, scale: 9 / 255, offset: 0 }]);
    assert.equal((file['param_encodings']!['kernel'] as unknown[])[1], { bitwidth: 8, dtype: 'int', is_symmetric: 'True', min: -256 / 127, max: 2, scale: 2 / 127, offset: -128 });
    assert.equal(file['quantizer_args'], {
      activation_bitwidth: 8, dtype: 'int', is_symmetric: 'True', param_bitwidth: 8, per_channel_quantization: 'True', quant_scheme: 'tf_enhanced',
    });
  });

  test('writes AIMET 2.0.0: one list in the words of QuantizeLinear, zero points of 0 left out', () => {
    const { encodings, ...rest } = written('2.0.0');
    assert.equal(rest, { version: '2.0.0' });
    assert.equal((encodings as Records).map(({ name }) => name), ['image', 'positive', 'flat', 'logits', 'kernel', 'matrix', 'shift', 'offset']);
    assert.equal(entryIn(encodings, 'image'), { name: 'image', output_dtype: 'uint8', y_scale: 2.5 / 255, y_zero_point: 102 });
    assert.equal(entryIn(encodings, 'positive'), { name: 'positive', output_dtype: 'uint8', y_scale: 9 / 255 });
    assert.equal(entryIn(encodings, 'kernel'), { name: 'kernel', output_dtype: 'int8', axis: 0, y_scale: [2 / 127, 2 / 127] });
    assert.equal(entryIn(encodings, 'matrix'), { name: 'matrix', output_dtype: 'int8', y_scale: 2 / 127 });
  });

  for (const version of versions) {
    test(`${version} is laid out as ever`, async () => {
      const { model, placement, encodings } = smallNetwork();
      await golden(`small-network.encodings-${version}.json`, encodingsJson(model, placement, encodings, { version, scheme }));
    });

    test(`${version} says every granularity and format that it has words for as ever`, async () => {
      const { model, placement, encodings } = everyGranularity(version);
      await golden(`every-granularity.encodings-${version}.json`, encodingsJson(model, placement, encodings, { version, scheme }));
    });
  }

  test('writes biases as int32 with the step of their products', () => {
    const step = Math.fround(Math.fround(9 / 255) * Math.fround(2 / 127));
    assert.equal(entryIn(written('1.0.0')['param_encodings'], 'offset'), { name: 'offset', enc_type: 'PER_TENSOR', dtype: 'INT', bw: 32, is_sym: true, scale: [step], offset: [-2147483648] });
    assert.equal(entryIn(written('2.0.0')['encodings'], 'offset'), { name: 'offset', output_dtype: 'int32', y_scale: step });
    const [of061] = (written('0.6.1')['param_encodings'] as Record<string, Records>)['offset']!;
    assert.equal([of061!['bitwidth'], of061!['scale'], of061!['offset']], [32, step, -2147483648]);
  });

  for (const [what, decompressedBitwidth, steps] of [['in blocks the largest', null, [16, 8]], ['in blocks that are multiples (LPBQ) that of which they are', 8, [1, 0.5]]] as const) {
    test(`a bias has the step of its channel: of those ${what}`, () => {
      const model = buildModel({ inputs: { x: ['N', 6] }, weights: { w: weight([2, 6]), b: weight([2]) }, nodes: [node('Gemm', ['x', 'w', 'b'], ['y'], { transB: intAttribute(1) })], outputs: { y: null } });
      const { placement, encodings } = placementOf([
        { tensor: 'x', ranges: [[0, 255]] },
        {
          tensor: 'w', role: 'weight', grid: grid(4, 'symmetric'), granularity: { kind: 'block', axis: 1, blockSize: 2, channelAxis: 0, decompressedBitwidth },
          ranges: [10, 4, 16, 8, 1, 0.5].map(delta => [-7 * delta, 7 * delta] as const),
        },
      ], [{ tensor: 'b', input: 'x', weight: 'w', node: 'Gemm_y' }]);
      const { param_encodings: parameters } = JSON.parse(encodingsJson(model, placement, encodings, { scheme })) as Record<string, unknown>;
      assert.equal((entryIn(parameters, 'b') as { scale: number[] }).scale, steps);
      if (decompressedBitwidth !== null) assert.equal((entryIn(parameters, 'w') as { scale: number[] }).scale, steps, 'the same that the file gives the weight');
    });
  }

  // two products share a bias; inputs have steps of 1 and of what is said, the weights have two channels with steps of 2 and 4
  for (const [what, inputStep, axis, entry, told] of [
    ['agree about its steps has one entry', 1, 0, [2, 4], []],
    ['agree about its step has one entry', 1, undefined, [4], []],
    ['differ about its steps has none, and that is told', 3, 0, null, ['2.000', '6.000']],
    ['differ about its step has none, and that is told', 0.5, undefined, null, ['4.000', '2.000']],
  ] as const) {
    test(`a bias whose readers ${what}: inputs in steps of 1 and ${inputStep}, weight per ${axis === undefined ? 'tensor' : 'channel'}`, () => {
      const model = buildModel({
        inputs: { x: ['N', 2], z: ['N', 2] }, weights: { w: weight([2, 2]), b: weight([2]) }, outputs: { p: null, q: null },
        nodes: [['x', 'p'], ['z', 'q']].map(([input, product]) => node('Gemm', [input!, 'w', 'b'], [product!], { transB: intAttribute(1) })),
      });
      const ranges = axis === undefined ? [[-4 * 127, 4 * 127]] as const : [[-2 * 127, 2 * 127], [-4 * 127, 4 * 127]] as const;
      const { placement, encodings } = placementOf(
        [{ tensor: 'x', ranges: [[0, 255]] }, { tensor: 'z', ranges: [[0, 255 * inputStep]] }, { tensor: 'w', role: 'weight', ...(axis !== undefined && { axis }), ranges }],
        [{ tensor: 'b', input: 'x', weight: 'w', node: 'Gemm_p' }, { tensor: 'b', input: 'z', weight: 'w', node: 'Gemm_q' }],
      );
      const { param_encodings: parameters } = JSON.parse(encodingsJson(model, placement, encodings, { scheme })) as { param_encodings: { name: string; scale: number[] }[] };
      assert.equal(parameters.filter(({ name }) => name === 'b').map(({ scale }) => scale), entry === null ? [] : [entry]);
      assert.equal(biasWarnings(model.graph, placement, encodings), told.length === 0 ? [] : [
        `bias 'b' has no entry in the encodings file, which has one a tensor: Gemm 'Gemm_p' adds it in steps of ${told[0]}, Gemm 'Gemm_q' in steps of ${told[1]}; the exported model holds both`]);
    });
  }

  test('a bias has a step for each of its elements, where groups of a transposed convolution share the channels of their weight', () => {
    const model = buildModel({
      inputs: { x: ['N', 4, 2, 2] }, weights: { w: weight([4, 3, 1, 1]), b: weight([6]) },
      nodes: [node('ConvTranspose', ['x', 'w', 'b'], ['y'], { group: intAttribute(2) })], outputs: { y: null },
    });
    const { placement, encodings } = placementOf(
      [{ tensor: 'x', ranges: [[0, 255]] }, { tensor: 'w', role: 'weight', axis: 1, ranges: [[-127, 127], [-254, 254], [-381, 381]] }],
      [{ tensor: 'b', input: 'x', weight: 'w', node: 'ConvTranspose_y' }],
    );
    const { param_encodings: parameters } = JSON.parse(encodingsJson(model, placement, encodings, { scheme })) as Record<string, unknown>;
    assert.equal((entryIn(parameters, 'b') as { scale: number[] }).scale, [1, 2, 3, 1, 2, 3]);
    assert.equal((entryIn(parameters, 'w') as { scale: number[] }).scale, [1, 2, 3]);
  });

  test('says nothing of what data movement makes of a weight per channel: no activation has channels', () => {
    const { model, placement, encodings } = smallNetwork();
    const kernel = placement.quantizers.find(({ tensor }) => tensor === 'kernel')!;
    const moved = { ...placement, quantizers: [...placement.quantizers, { ...kernel, tensor: 'turned', role: 'activation' as const }] };
    const text = encodingsJson(model, moved, new Map([...encodings, ['turned', encodings.get('kernel')!]]), { scheme });
    assert.is(text, encodingsJson(model, placement, encodings, { scheme }));
  });

  test('finds the multiples of blocks whose largest is not the largest there is', () => {
    const { model, placement, encodings } = everyGranularity('1.0.0', ['multiples']);
    const sparse = encodings.get('multiples')!.map((encoding, i) => ({ ...encoding, delta: [0.009, 0.004, 0.001, 0.0003][i]! }));
    const { param_encodings: parameters } = JSON.parse(encodingsJson(model, placement, new Map([['multiples', sparse]]), { scheme })) as Record<string, unknown>;
    const { scale, per_block_int_scale: multiples } = entryIn(parameters, 'multiples') as { scale: number[]; per_block_int_scale: number[] };
    assert.equal(multiples, [9, 4, 10, 3]);
    scale.forEach((delta, channel) => assert.ok(Math.abs(delta / [0.001, 0.0001][channel]! - 1) < 1e-12));
  });

  test('refuses blocks that are no whole multiples of a delta of their channel', () => {
    const { model, placement, encodings } = everyGranularity('1.0.0', ['multiples']);
    const bent = encodings.get('multiples')!.map((encoding, i) => i === 1 ? { ...encoding, delta: 0.0063 } : encoding);
    assert.match(messageOf(() => encodingsJson(model, placement, new Map([['multiples', bent]]), { scheme })),
      /^encodings-invalid 'multiples': the deltas of channel 0, 0\.0063 to 0\.016, are not 1 to 16 times one delta/);
  });

  // what a tensor has, how, the versions that have words for it, and what the others lack
  const carried: [what: string, drawn: { placement: Placement; encodings: EncodingTable }, able: readonly EncodingsVersion[], lacking: string][] = [
    ['6 bits', placementOf([{ tensor: 'matrix', role: 'weight', grid: grid(6, 'symmetric'), ranges: [[-1, 1]] }]), ['0.6.1', '1.0.0'], 'a 6-bit grid'],
    ['a strict-symmetric grid', placementOf([{ tensor: 'matrix', role: 'weight', grid: grid(8, 'strict-symmetric'), ranges: [[-1, 1]] }]), ['0.6.1', '1.0.0'], 'a strict-symmetric grid'],
    ['an offset of 33 bits', placementOf([{ tensor: 'image', grid: grid(32), ranges: [[-3, 1]] }]), ['0.6.1', '2.0.0'], 'an offset below int32'],
    ['blocks', everyGranularity('1.0.0', ['blocks']), ['1.0.0', '2.0.0'], 'blocks'],
    ['float16', withFormat('float16'), ['0.6.1', '1.0.0', '2.0.0'], ''],
    ['bfloat16', withFormat('bfloat16'), ['2.0.0'], 'bfloat16'],
  ];
  for (const [what, { placement, encodings }, able, lacking] of carried) {
    test(`${what}: said by ${able.join(' and ')}, refused by others with the tensor and those that can`, () => {
      const { model } = what === 'blocks' ? everyGranularity('1.0.0') : smallNetwork();
      for (const version of versions) {
        const message = messageOf(() => encodingsJson(model, placement, encodings, { version, scheme }));
        const tensor = [...placement.quantizers, ...placement.floats][0]!.tensor;
        const others = what === 'bfloat16' ? '2.0.0 leaves it out' : able.length === 0 ? 'no version can' : `${able.join(' and ')} can`;
        assert.is(message, able.includes(version) ? 'nothing was thrown' : `op-unsupported encodings ${version} cannot say what '${tensor}' has: ${lacking}; ${others}`);
      }
    });
  }

  test('what a version cannot say is found out before there are encodings, as far as placement tells', () => {
    for (const [what, { placement }, able] of carried) {
      for (const version of versions) {
        const message = messageOf(() => checkEncodingsVersion(placement, version));
        assert.is(message === 'nothing was thrown', able.includes(version), `${what} in ${version}: ${message}`);
      }
    }
  });

  test('an asymmetric grid of 32 bits is refused before its offset is known, unless that is fixed or known to fit', () => {
    const { placement, encodings } = placementOf([{ tensor: 'image', grid: grid(32), ranges: [[-1, 3]] }]);
    const check = (version: EncodingsVersion, constraint: Constraint | null, known?: EncodingTable) =>
      messageOf(() => checkEncodingsVersion({ ...placement, quantizers: placement.quantizers.map(quantizer => ({ ...quantizer, constraint })) }, version, known));
    const says = "op-unsupported encodings 1.0.0 cannot say what 'image' has: an asymmetric 32-bit grid, whose offset may lie below int32; 0.6.1 and 2.0.0 can";
    for (const constraint of [null, { min: null, max: 1 }, { min: -1, max: null }]) assert.is(check('1.0.0', constraint), says);
    for (const constraint of [{ min: 0, max: 1 }, { min: 0, max: null }, { min: 2, max: null }, { min: -1, max: 1.5 }]) assert.is(check('1.0.0', constraint), 'nothing was thrown');
    assert.is(check('1.0.0', { min: -3, max: 1 }), "op-unsupported encodings 1.0.0 cannot say what 'image' has: an offset below int32; 0.6.1 and 2.0.0 can");
    assert.is(check('1.0.0', null, encodings), 'nothing was thrown');
    for (const version of ['0.6.1', '2.0.0'] as const) assert.is(check(version, null), 'nothing was thrown');
  });

  test('2.0.0 leaves floating-point formats out, and tells', () => {
    const { model } = smallNetwork();
    const { placement, encodings } = withFormat('bfloat16');
    assert.equal(JSON.parse(encodingsJson(model, placement, encodings, { version: '2.0.0', scheme })), { version: '2.0.0', encodings: [] });
    assert.match(encodingsWarnings(placement, '2.0.0')[0]!, /1 tensor \(first 'image', bfloat16\) is left out/);
    assert.equal(encodingsWarnings(placement, '1.0.0'), []);
  });
});

function withFormat(format: 'float16' | 'bfloat16') {
  const { placement, encodings } = placementOf([]);
  const rule = { section: 'defaults', path: 'defaults.ops.is_output_quantized' } as const;
  return { placement: { ...placement, floats: [{ tensor: 'image', role: 'activation' as const, format, rule }] }, encodings };
}
