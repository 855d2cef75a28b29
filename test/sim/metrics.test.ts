import * as assert from 'uvu/assert';

import { float32Tensor, type Tensor } from '../../pipeline/base/tensor.ts';
import { type Label, type MetricName, metricFor, type MetricOptions, Score } from '../../pipeline/sim/metrics.ts';
import { suite } from '../support/suite.ts';
import { messageOf } from '../support/thrown.ts';

/** One-hot steps: [N, steps, classes]. */
function steps(paths: number[][], classes: number) {
  const values = paths.flatMap(path => path.flatMap(best => Array.from({ length: classes }, (_, i) => Number(i === best))));
  return float32Tensor([paths.length, paths[0]!.length, classes], Float32Array.from(values));
}

function share(name: MetricName, outputs: Parameters<Score['add']>[0], labels: readonly Label[], options: MetricOptions = {}): number {
  const score = new Score(name, options);
  score.add(outputs, labels);
  return score.result;
}

suite('sim/metrics', test => {
  test('top-1 compares the largest value with the label', () => {
    const logits = float32Tensor([3, 2], Float32Array.of(1, 2, 5, 3, 0, 1));
    assert.is(share('top-1', { logits }, [1, 0, 0]), 2 / 3);
  });

  test('ctc collapses repeats, and drops blanks after that', () => {
    assert.is(share('ctc', { text: steps([[0, 3, 3, 0, 3, 1, 1]], 4) }, [[3, 3, 1]]), 1);
    assert.is(share('ctc', { text: steps([[0, 3, 3, 0, 3, 1, 1]], 4) }, [[3, 1]]), 0);
    assert.is(share('ctc', { text: steps([[0, 0, 0]], 4) }, [[]]), 1);
  });

  test('ctc leaves ignored classes out on both sides', () => {
    const text = steps([[1, 2, 3]], 4);
    assert.is(share('ctc', { text }, [[1, 3]]), 0);
    assert.is(share('ctc', { text }, [[1, 3]], { ignoreClasses: [2] }), 1);
    assert.is(share('ctc', { text }, [Int32Array.of(2, 1, 2, 3)], { ignoreClasses: [2] }), 1);
  });

  test('reads the first output of its rank', () => {
    assert.is(share('top-1', { hidden: steps([[1]], 2), logits: float32Tensor([1, 2], Float32Array.of(0, 1)) }, [1]), 1);
    assert.throws(() => share('top-1', { hidden: steps([[1]], 2) }, [1]), /'top-1' reads an output of rank 2; the model gives 'hidden' \[1, 1, 2\]/);
  });

  test('a row that holds NaN is right for no label', () => {
    assert.is(share('top-1', { logits: float32Tensor([1, 2], Float32Array.of(NaN, 1)) }, [-1]), 0);
  });

  test('labels that are no class of the output are counted', () => {
    const outside = (name: MetricName, outputs: Parameters<Score['add']>[0], labels: readonly Label[]) => {
      const score = new Score(name, {});
      for (const label of labels) score.add(outputs, [label]);
      return score.outside;
    };
    const logits = float32Tensor([1, 2], Float32Array.of(0, 1));
    assert.equal(outside('top-1', { logits }, [0, 2, -1, 1]), { first: 2, classes: 2, count: 2 });
    assert.equal(outside('ctc', { text: steps([[1]], 2) }, [[1, 5, 7], [1], []]), { first: 5, classes: 2, count: 1 });
    assert.is(outside('top-1', { logits }, [0, 1]), null);
  });

  test('refuses labels of the form that another metric judges', () => {
    const logits = float32Tensor([2, 2], Float32Array.of(0, 1, 0, 1));
    assert.match(messageOf(() => share('ctc', { text: steps([[1], [1]], 2) }, [3, 1])), /^config-invalid the metric 'ctc' judges by a list of class numbers for each sample, and the labels hold the class number 3: name another metric \(--metric top-1\)/);
    assert.match(messageOf(() => share('top-1', { logits }, [[1], [1, 0]])), /^config-invalid the metric 'top-1' judges by a class number for each sample, and the labels hold a list of 2 class numbers/);
    assert.is(share('top-1', { logits }, [[1], [0]]), 0.5, 'a list of one is a class');
  });

  test('refuses an output whose first axis does not count samples', () => {
    const pooled = float32Tensor([1, 3], Float32Array.of(0, 1, 2));
    assert.match(messageOf(() => share('top-1', { pooled }, [1, 2])), /^config-invalid .* output 'pooled' .*\[1, 3\], and there are 2 labels: compare without labels \(--no-label\)/);
  });

  test('takes class numbers, as ArgMax gives them, for the answer itself', () => {
    const int64 = (...values: number[]): Tensor => ({ dtype: 'int64', dims: [values.length, 1], data: BigInt64Array.from(values.map(BigInt)) });
    assert.is(share('top-1', { cls: int64(3, 1, 2, 0) }, [3, 1, 0, [0]]), 0.75);
    assert.is(share('top-1', { cls: int64(3, 3), logits: float32Tensor([2, 2], Float32Array.of(0, 1, 1, 0)) }, [1, 0]), 1, 'values come first');
    assert.match(messageOf(() => share('top-1', { cls: int64(3, 1) }, [[1, 2], [0, 1]])), /^config-invalid the metric 'top-1' judges by a class number for each sample/);
    assert.match(messageOf(() => share('top-1', { cls: int64(3, 1, 2) }, [3, 1])), /^config-invalid the metric 'top-1' reads an output of rank 2; the model gives 'cls' \[3, 1\]/);
    assert.match(messageOf(() => share('ctc', { cls: int64(3, 1) }, [[1], [0]])), /^config-invalid the metric 'ctc' reads an output of rank 3/);
  });

  test('the kind of label, and what the model gives, name the metric', () => {
    const logits = float32Tensor([1, 2], Float32Array.of(0, 1)), text = steps([[1]], 2);
    assert.is(metricFor(3, { logits }), 'top-1');
    assert.is(metricFor(Int32Array.of(3), { text }), 'ctc');
    assert.is(metricFor(Int32Array.of(3), { logits }), 'top-1', 'a column of class numbers [N, 1]');
    assert.match(messageOf(() => metricFor([0, 1], { logits })), /^config-invalid the labels are lists of 2 numbers, and the model gives one row for each sample, 'logits' \[1, 2\]: give class numbers/);
  });
});
