import type { InferenceSession } from 'onnxruntime-common';
import * as assert from 'uvu/assert';

import type { SessionOptions } from '../../pipeline/engine/engine.ts';
import { type Library, loadSession } from '../../pipeline/engine/session.ts';
import { suite } from '../support/suite.ts';

/** What the library is asked for when a session is loaded. */
async function asked(engine: 'web' | 'native', options: SessionOptions): Promise<InferenceSession.SessionOptions> {
  const calls: InferenceSession.SessionOptions[] = [];
  const create = async (_: Uint8Array, settings: InferenceSession.SessionOptions) => {
    calls.push(settings);
    return { inputMetadata: [], outputNames: [] };
  };
  await loadSession({ InferenceSession: { create }, env: {} } as unknown as Library, engine, new Uint8Array(1), options);
  assert.is(calls.length, 1);
  return calls[0]!;
}

suite('engine/session-options', test => {
  for (const [engine, provider] of [['web', 'wasm'], ['native', 'cpu']] as const) {
    test(`${engine}: one thread, all optimizations, its memory kept, fused as it stands`, async () => {
      const { executionProviders, intraOpNumThreads, interOpNumThreads, graphOptimizationLevel, enableCpuMemArena, enableMemPattern, extra } = await asked(engine, {});
      assert.equal([executionProviders, intraOpNumThreads, interOpNumThreads, graphOptimizationLevel], [[provider], 1, 1, 'all']);
      assert.equal([enableCpuMemArena, enableMemPattern, extra], [undefined, undefined, undefined], 'as the library does by itself');
    });
  }

  test('memory that is not kept has neither arena nor pattern', async () => {
    const { enableCpuMemArena, enableMemPattern } = await asked('native', { keepMemory: false });
    assert.equal([enableCpuMemArena, enableMemPattern], [false, false]);
  });

  test('the engine\'s own int8 fusions are off where they are not wanted', async () => {
    assert.equal((await asked('web', { fuseQuantized: false })).extra, { session: { disable_quant_qdq: '1' }, optimization: { disable_specified_optimizers: 'QDQFinalCleanupTransformer' } });
  });
});
