import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';

import { presets } from '../../pipeline/config/presets/index.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { quantpipe } from '../support/cli.ts';
import { buildModel, weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';

const VIT = 'fixtures/models/fmnist-vit.onnx';

interface Inspected {
  readonly quantizers: readonly { readonly tensor: string; readonly producer: string; readonly bitwidth: number; readonly section: string; readonly rule: string; readonly observed: string[]; readonly untied: string }[];
  readonly units: readonly { readonly kind: string; readonly nodes: readonly string[] }[];
  readonly float: readonly { readonly name: string; readonly reason: string }[];
}

/** Run `body` with the path of a file that holds `content`. */
async function withFile(content: string, body: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'quantpipe-inspect-'));
  try {
    await writeFile(join(folder, 'layers.json'), content);
    await body(join(folder, 'layers.json'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

suite('cli/inspect', test => {
  test('--json holds every quantizer with its producer and rule, units with their nodes, and what is left in float', async () => {
    await withFile(JSON.stringify({ 'logits': { is_quantized: 'False' }, '/l.0/Softmax_output_0': { bitwidth: 16 } }), async path => {
      const { code, stdout } = await quantpipe(['inspect', VIT, '--config', 'htp-v75', '--override', path, '--json']);
      assert.is(code, 0);
      const { quantizers, units, float } = JSON.parse(stdout) as Inspected;
      const rowOf = (name: string) => quantizers.find(({ tensor }) => tensor === name)!;
      assert.equal([rowOf('/l.0/Softmax_output_0').producer, rowOf('/l.0/Softmax_output_0').bitwidth], ['Softmax', 16]);
      assert.equal([rowOf('/l.0/Softmax_output_0').section, rowOf('/l.0/Softmax_output_0').rule], ['override', '/l.0/Softmax_output_0.bitwidth']);
      assert.equal([rowOf('/l.1/q/Add_output_0').section, rowOf('/l.1/q/Add_output_0').rule], ['exception', 'defaults.params.is_symmetric']);
      assert.equal(rowOf('/Concat_output_0').observed, ['/e/Conv_output_0', '/Add_output_0', '/Concat_output_0']);
      assert.equal(float.filter(({ name }) => name === 'logits'), [{ kind: 'tensor', name: 'logits', opType: 'Gemm', reason: 'an override turns it off' }]);
      const kinds = new Set(units.map(({ kind }) => kind));
      assert.equal([...kinds].sort(), ['AttentionScaling', 'Gelu', 'LayerNormalization', 'MatMulAdd']);
      assert.is(units.find(({ kind }) => kind === 'AttentionScaling')!.nodes.length, 2);
    });
  });

  test('the table shows the same: producer, bits, symmetry, granularity, range, sharing, rule, then units and floats', async () => {
    const { stdout } = await quantpipe(['inspect', VIT, '--config', 'htp-v75']);
    assert.match(stdout, /^tensor +producer +kind +bits +symmetry +granularity +fixed range +shares with +rule$/m);
    assert.match(stdout, /^\/l\.0\/Softmax_output_0 +Softmax +activation +8 +asymmetric +tensor +0 … 1 +op_type\.Softmax\.encoding_constraints$/m);
    assert.match(stdout, /^\/Concat_output_0 +Concat +activation .*\/e\/Conv_output_0, merged from 3 +defaults/m);
    assert.match(stdout, /^\/l\.1\/q\/Add_output_0 .*exception: defaults\.params\.is_symmetric$/m);
    assert.match(stdout, /^MatMulAdd +2 +\/l\.0\/q\/MatMul → \/l\.0\/q\/Add +\/l\.0\/q\/Add_output_0 +.*supergroup_pass_list\[2\]$/m);
    assert.match(stdout, /^l\.0\.q\.bias +.*bias +32 +symmetric .*\/l\.0\/n1\/Add_1_output_0 × onnx::MatMul_252 +input × weight$/m);
    assert.match(stdout, /^AttentionScaling +2 +\/l\.0\/MatMul → \/l\.0\/Mul +\/l\.0\/Mul_output_0/m);
  });

  test('an input of a tied operator that keeps its own encoding says why, in the table and in --json', async () => {
    const { config } = presets['per-channel'];
    await withFile(JSON.stringify({ ...config, ties: { Concat: 'True' } }), async path => {
      const { stdout } = await quantpipe(['inspect', VIT, '--config', path]);
      assert.match(stdout, /^\/e\/Conv_output_0 +Conv +activation .*not tied: also read by Mul '\/Mul' +defaults/m);
      const { quantizers } = JSON.parse((await quantpipe(['inspect', VIT, '--config', path, '--json'])).stdout) as Inspected;
      assert.equal(quantizers.filter(({ untied }) => untied !== '').map(({ tensor }) => tensor), ['/e/Conv_output_0']);
    });
  });

  test('a weight whose readers would divide it differently stands in a list of its own, with them and their rules, and in a warning', async () => {
    const { config } = presets['per-channel'];
    await withFile(JSON.stringify({ ...config, op_type: { ...config.op_type, MatMul: { per_channel_quantization: 'False' } } }), async path => {
      const model = join(dirname(path), 'shared.onnx');
      await writeFile(model, writeModel(buildModel({
        inputs: { x: [2, 4] }, weights: { w: weight([4, 4]) }, outputs: { y: [2, 4] },
        nodes: [{ op: 'Gemm', name: 'first', in: ['x', 'w'], out: ['a'] }, { op: 'MatMul', name: 'second', in: ['a', 'w'], out: ['y'] }],
      })));
      const { stdout, stderr } = await quantpipe(['inspect', model, '--config', path]);
      const reason = "Gemm 'first' would have it per channel of axis 1 by defaults.per_channel_quantization, MatMul 'second' per tensor by op_type.MatMul.per_channel_quantization";
      assert.ok(new RegExp(`^per tensor, because operators that share them would divide them differently:\nweight .*\nw +${reason}$`, 'm').test(stdout), stdout);
      assert.ok(stderr.includes(`warning: weight 'w' is quantized per tensor, because operators that share it would divide it differently: ${reason}\n`), stderr);
    });
  });

  test('--aimet-placement quantizes inside composites', async () => {
    const { stdout } = await quantpipe(['inspect', VIT, '--aimet-placement', '--json']);
    const { quantizers, units } = JSON.parse(stdout) as Inspected;
    assert.ok(quantizers.some(({ producer }) => producer === 'Erf'));
    assert.equal([...new Set(units.map(({ kind }) => kind))], ['MatMulAdd']);
  });

  for (const [content, says] of [
    ['{"logitz": {}, "e.weigth": {}}', /the prepared model has no tensors 'logitz'; did you mean 'logits'\?, 'e\.weigth'; did you mean 'e\.weight'\?/],
    ['{"logits": {"bitwidth": 33}}', /logits: bitwidth must be an integer from 4 to 32, got 33 .*\n.*config: /],
    ['{"logits": {"bitwidth": 4}, "e": {"bitwidth": 8, "bitwidth": 4}}', /e\.bitwidth: the key stands there twice/],
    ['{"logits": ',/layers\.json: not JSON/],
  ] as const) {
    test(`refuses the overrides ${content}`, async () => {
      await withFile(content, async path => {
        const { code, stderr } = await quantpipe(['inspect', VIT, '--override', path]);
        assert.is(code, 1);
        assert.match(stderr, says);
      });
    });
  }

  for (const [config, says] of [
    ['htp-v76', /there is no preset 'htp-v76'; did you mean 'htp-v73'\? Presets are default, per-channel, htp-v68/],
    ['missing.json', /cannot read the configuration missing\.json: there is no such file or folder; config takes a six-section JSON file, or a preset: default/],
  ] as const) {
    test(`refuses --config ${config}`, async () => {
      const { code, stderr } = await quantpipe(['inspect', VIT, '--config', config]);
      assert.is(code, 1);
      assert.match(stderr, says);
    });
  }
});
