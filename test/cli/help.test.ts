import * as assert from 'uvu/assert';

import { CHANNELS, ENCODINGS_VERSIONS, FILTERS, METRICS, PRESETS, SCHEMES } from '../../cli/choices.ts';
import { encodingsVersions, metrics, presetNames, schemes } from '../../pipeline/index.ts';
import * as images from '../../pipeline/data/images/image-settings.ts';
import { quantpipe } from '../support/cli.ts';
import { golden } from '../support/golden.ts';
import { suite } from '../support/suite.ts';

suite('cli/help', test => {
  for (const command of ['', 'run', 'inspect', 'observe', 'merge', 'encode', 'evaluate']) {
    test(`quantpipe ${command} --help`, async () => {
      const { code, stdout } = await quantpipe([...(command === '' ? [] : [command]), '--help']);
      assert.is(code, 0);
      await golden(`help/${command === '' ? 'quantpipe' : command}.txt`, stdout);
    });
  }

  test('names that help shows are those of the pipeline', () => {
    assert.equal([...SCHEMES], Object.keys(schemes));
    assert.equal([...PRESETS], [...presetNames]);
    assert.equal([...ENCODINGS_VERSIONS], Object.keys(encodingsVersions));
    assert.equal([...METRICS], Object.keys(metrics));
    assert.equal([[...FILTERS], [...CHANNELS]], [[...images.FILTERS], [...images.CHANNELS]]);
  });

  for (const [args, says] of [
    [['rnu', 'm', 'd'], /unknown command 'rnu'.*Did you mean run\?/s],
    [['observe', 'model.onnx', '-o', 'x'], /missing required argument 'data'/],
    [['run', 'm', 'd'], /required option '-o, --output <folder>' not specified/],
    [['run', 'm', 'd', '-o', 'x', '--gama', '3'], /unknown option '--gama'.*Did you mean --gamma\?/s],
  ] as const) {
    test(`quantpipe ${args.join(' ')} is refused with exit code 1`, async () => {
      const { code, stdout, stderr } = await quantpipe(args);
      assert.is(code, 1);
      assert.is(stdout, '');
      assert.match(stderr, says);
      assert.match(stderr, /--help/);
    });
  }
});
