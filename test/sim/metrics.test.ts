import * as assert from 'uvu/assert';

import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { type Label, type MetricName, metricFor, type MetricOptions, Score } from '../../pipeline/sim/metrics.ts';
import { suite } from '../support/suite.ts';

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

  test('the kind of label names the metric', () => {
    assert.is(metricFor(3), 'top-1');
    assert.is(metricFor(Int32Array.of(3)), 'ctc');
  });
});
