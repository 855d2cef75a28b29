import * as assert from 'uvu/assert';

import { describePlacement } from '../../pipeline/config/describe-placement.ts';
import { parseOverrides } from '../../pipeline/config/override.ts';
import type { Placement } from '../../pipeline/config/placement.ts';
import { intAttribute } from '../../pipeline/graph/attribute.ts';
import { type ModelSketch, type NodeLine, weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { place, USUAL, usualBut } from './sketches.ts';

/** x → Gemm 'first' → a → another operator 'second' → y, both with the weight w. */
const shared = (op: string, attributes: NodeLine['attributes'] = {}): ModelSketch => ({
  inputs: { x: [2, 4] }, weights: { w: weight([4, 4]) }, outputs: { y: null },
  nodes: [{ op: 'Gemm', name: 'first', in: ['x', 'w'], out: ['a'] }, { op, name: 'second', in: ['a', 'w'], out: ['y'], attributes: attributes ?? {} }],
});
const firstTransposed: ModelSketch = { ...shared('MatMul'), nodes: shared('MatMul').nodes.map(line => line.op === 'Gemm' ? { ...line, attributes: { transB: intAttribute(1) } } : line) };
/** A table that rows are gathered from, and that features are multiplied with. */
const table: ModelSketch = {
  inputs: { ids: { dtype: 'int64', shape: [2] } }, weights: { w: weight([4, 4]) }, outputs: { y: null },
  nodes: [{ op: 'Gather', name: 'rows', in: ['w', 'ids'], out: ['a'] }, { op: 'MatMul', name: 'head', in: ['a', 'w'], out: ['y'] }],
};
const ofAll = { ...USUAL.defaults, per_channel_quantization: 'True' };
const perChannel = (opTypes: Record<string, 'True' | 'False'>) => Object.fromEntries(Object.entries(opTypes).map(([op, said]) => [op, { per_channel_quantization: said }]));
const whole = 'defaults.per_channel_quantization';

// who shares the weight, what the configuration says, how it is divided, and what is told where that is not what an operator would have
const cases: [what: string, sketch: ModelSketch, sections: object, granularity: string, told: string | null][] = [
  ['two that agree', shared('MatMul'), { defaults: ofAll }, 'channel 1', null],
  ['one that op_type turns to per tensor', shared('MatMul'), { defaults: ofAll, op_type: perChannel({ MatMul: 'False' }) }, 'tensor',
    `Gemm 'first' would have it per channel of axis 1 by ${whole}, MatMul 'second' per tensor by op_type.MatMul.per_channel_quantization`],
  ['one that op_type turns to per channel: the later section settles it', shared('MatMul'), { op_type: perChannel({ MatMul: 'True' }) }, 'channel 1', null],
  ['channels on two axes', shared('Gemm', { transB: intAttribute(1) }), { defaults: ofAll }, 'tensor',
    `Gemm 'first' would have it per channel of axis 1 by ${whole}, Gemm 'second' per channel of axis 0 by ${whole}`],
  ['one without channels', table, { defaults: ofAll }, 'tensor',
    `Gather 'rows' would have it per tensor by its nature: it has no output channels there, MatMul 'head' per channel of axis 1 by ${whole}`],
  ['one that has no channels, whatever op_type says of it: it contradicts nobody', table, { op_type: perChannel({ Gather: 'False', MatMul: 'True' }) }, 'tensor',
    "Gather 'rows' would have it per tensor by its nature: it has no output channels there, MatMul 'head' per channel of axis 1 by op_type.MatMul.per_channel_quantization"],
  ['channels on two axes, by the rule of one of them', firstTransposed, { op_type: perChannel({ MatMul: 'True' }) }, 'tensor',
    "Gemm 'first' would have it per channel of axis 0 by op_type.MatMul.per_channel_quantization, MatMul 'second' per channel of axis 1 by op_type.MatMul.per_channel_quantization"],
  ['all per tensor', table, {}, 'tensor', null],
];

/** The warnings that speak of weights; no element types are known of these graphs, which has one of its own. */
const aboutWeights = ({ warnings }: Placement): string[] => warnings.filter(warning => warning.startsWith('weight '));

suite('config/divisions', test => {
  for (const [what, sketch, sections, granularity, told] of cases) {
    test(`a shared weight, ${what}: ${granularity}, ${told === null ? 'and nothing is told' : 'and warnings and the row tell who differs, by which rules'}`, () => {
      const placement = place(sketch, usualBut(sections));
      const row = describePlacement(placement).find(({ tensor }) => tensor === 'w')!;
      assert.equal([row.granularity, row.undivided], [granularity, told === null ? '' : `shared: ${told}`]);
      assert.equal(aboutWeights(placement), told === null ? [] : [`weight 'w' is quantized per tensor, because operators that share it would divide it differently: ${told}`]);
    });
  }

  test('op_type that contradicts itself about a shared weight is refused with both rules', () => {
    assert.throws(() => place(shared('MatMul'), usualBut({ op_type: perChannel({ Gemm: 'True', MatMul: 'False' }) })), (error: Error) => error.message
      === "op_type.Gemm.per_channel_quantization and op_type.MatMul.per_channel_quantization contradict each other about tensor 'w'");
  });

  test('blocks that only one of the operators can have are told of, too', () => {
    const [warning] = aboutWeights(place(table, USUAL, { blocks: { blockSize: 2, decompressedBitwidth: null, undivided: 'refuse' } }));
    assert.match(warning!, /Gather 'rows' would have it per tensor .*, MatMul 'head' in blocks of 2 along axis 0 by the block size that was asked for$/);
  });

  test('nothing is told where the weight is not quantized, or an override says how', () => {
    const differing = usualBut({ defaults: ofAll, op_type: perChannel({ MatMul: 'False' }) });
    const overridden = (content: object) => place(shared('MatMul'), differing, { overrides: parseOverrides({ w: content }, 'the overrides') });
    assert.equal(aboutWeights(overridden({ is_quantized: 'False' })), []);
    assert.equal(aboutWeights(overridden({ per_channel: 'False' })), []);
    const placement = overridden({ per_channel: 'True' });
    assert.equal([aboutWeights(placement), placement.undivided, placement.quantizers.find(({ tensor }) => tensor === 'w')!.granularity], [[], [], { kind: 'channel', axis: 1 }]);
  });
});
