// Pictures in every form that data sets have them, against what the Python imaging library and numpy make of them (fixtures/make/images.py).
import { createServer, type Server } from 'node:http';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';

import * as assert from 'uvu/assert';

import { bindInputs, blocks, BlockFeeds, labels, openSource, type Block, type OpenOptions } from '../../pipeline/data/index.ts';
import { decodeByLibrary, decodeImage, loadDecoder } from '../../pipeline/data/images/decode-image.ts';
import { readPreprocessFile } from '../../pipeline/data/images/preprocess-file.ts';
import { resample } from '../../pipeline/data/images/resample.ts';
import { transformImage } from '../../pipeline/data/images/transform-image.ts';
import { FILTERS, IMAGES_AS_THEY_ARE } from '../../pipeline/data/images/image-settings.ts';
import { crc32 } from '../../pipeline/data/crc32.ts';
import { decodeSmallPng } from '../../pipeline/data/images/small-png.ts';
import { uniform } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { failure } from './reading.ts';

const FOLDER = 'fixtures/data/images';
const NAMES = ['0.jpg', '1.png', '2.webp', '3.jpg', '4.png', '5.webp'];
const CLASSES = ['bag', 'bag', 'coat', 'coat', 'shoe', 'shoe'];
const expected = JSON.parse(await readFile(`${FOLDER}/expected.json`, 'utf8')) as {
  pixels: Record<string, string>; source: string; gray: string; resized: Record<string, string>; preprocessed: Record<string, string[]>;
};
const bytesOf = (base64: string) => Uint8Array.from(Buffer.from(base64, 'base64'));
const floatsOf = (base64: string) => new Float32Array(bytesOf(base64).buffer);
const source = { height: 23, width: 31, channels: 3 as const, data: bytesOf(expected.source) };
const INPUT = { name: 'x', dtype: 'float32' as const, shape: ['N', 3, 16, 16] };

async function collect(path: string, options: OpenOptions, size = 4): Promise<Block[]> {
  const all: Block[] = [];
  for await (const block of blocks(await openSource(path, options), { size })) all.push(block);
  return all;
}

/** What a model reads, sample by sample. */
async function readImages(path: string, config: string, shape: (number | string)[] = ['N', 3, 'H', 'W']): Promise<{ samples: Float32Array[]; classes: number[] }> {
  const { images, preprocess } = await readPreprocessFile(config);
  const inputs = [{ ...INPUT, shape }];
  const opened = await openSource(path, { inputs, images });
  const bindings = bindInputs(opened, inputs, { preprocess });
  const samples: Float32Array[] = [], classes: number[] = [];
  for await (const { bytes } of blocks(opened, { size: 4 })) {
    for (const { rows, feeds: { x } } of new BlockFeeds(bytes, inputs, bindings)) {
      const values = x!.data as Float32Array, each = values.length / rows;
      for (let row = 0; row < rows; row++) samples.push(values.slice(row * each, (row + 1) * each));
    }
    const found = labels(bytes, 'label');
    if (found?.kind === 'classes') classes.push(...found.values);
  }
  return { samples, classes };
}

/** A PNG image whose filtered bytes are any: every row has a filter, and every one is taken back to some pixels. */
function anyPng(colour: number, channels: number, next: () => number): Buffer<ArrayBuffer> {
  const [width, height] = [13, 40];
  const rows = Uint8Array.from({ length: height * (1 + width * channels) }, (_, i) => i % (1 + width * channels) === 0 ? next() * 5 : next() * 256);
  const chunk = (type: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type), data]), ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const header = Uint8Array.from([0, 0, 0, width, 0, 0, 0, height, 8, colour, 0, 0, 0]);
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', new Uint8Array(0))]);
}

suite('data/images', test => {
  let folder: string;
  test.before(async () => { folder = await mkdtemp(join(tmpdir(), 'quantpipe-images-')); });
  test.after(() => rm(folder, { recursive: true }));

  test('decodes JPEG, PNG and WebP to the same pixels as the Python imaging library', async () => {
    for (const [i, name] of NAMES.entries()) {
      const { data, channels } = await decodeImage(await readFile(`${FOLDER}/classes/${CLASSES[i]}/${name}`));
      assert.is(channels, 3);
      const pixels = bytesOf(expected.pixels[name]!);
      assert.is(data.length, pixels.length);
      const worst = data.reduce((most, value, at) => Math.max(most, Math.abs(value - pixels[at]!)), 0);
      assert.ok(worst <= (name.endsWith('.jpg') ? 1 : 0), `${name}: off by ${worst}`);
    }
  });

  test('decodes small PNG images itself, to the same pixels as the library; leaves others and damaged ones to it', async () => {
    const next = uniform(5), { default: sharp } = await import('sharp');
    const noise = (channels: 1 | 2 | 3 | 4) => sharp(Uint8Array.from({ length: 11 * 7 * channels }, (_, i) => i % 3 === 0 ? i : next() * 256), { raw: { width: 11, height: 7, channels } });
    const own = await Promise.all([
      noise(1).toColourspace('b-w').png(), noise(2).toColourspace('b-w').png(), noise(3).png(), noise(4).png(), noise(3).png({ adaptiveFiltering: true }), noise(4).png({ compressionLevel: 0, adaptiveFiltering: true }),
      noise(3).blur(2).png({ adaptiveFiltering: true }), noise(3).png({ palette: true, colours: 200 }), noise(4).png({ palette: true, colours: 200 }),
    ].map(image => image.toBuffer()));
    for (const [colour, channels] of [[0, 1], [2, 3], [4, 2], [6, 4]] as const) own.push(anyPng(colour, channels, next));
    for (const [i, bytes] of own.entries()) {
      const pixels = decodeSmallPng(bytes);
      assert.ok(pixels, `image ${i} is decoded here`);
      const { height, width, channels, data } = await decodeByLibrary(bytes);
      assert.equal([pixels.height, pixels.width, channels], [height, width, 3]);
      const colours = pixels.channels === 3 ? pixels.data : pixels.data.reduce((all, gray, at) => all.fill(gray, 3 * at, 3 * at + 3), new Uint8Array(data.length));
      assert.equal(Buffer.from(colours), Buffer.from(data), `image ${i}`);
    }
    const others = await Promise.all([
      noise(3).png({ progressive: true }), noise(3).toColourspace('rgb16').png(), noise(3).png({ palette: true, colours: 4 }), noise(3).withMetadata({ orientation: 6 }).png(), noise(3).resize(200, 200).png(),
    ].map(image => image.toBuffer()));
    for (const [i, bytes] of others.entries()) assert.is(decodeSmallPng(bytes), null, `other ${i}`);
    for (let i = 0; i < 2000; i++) {
      const whole = own[i % own.length]!, damaged = Buffer.from(i % 4 === 0 ? whole.subarray(0, Math.floor(next() * whole.length)) : whole);
      if (i % 4 > 0) damaged[Math.floor(next() * damaged.length)]! ^= 1 + Math.floor(next() * 255);
      assert.is(decodeSmallPng(damaged), null, `damage ${i}`);
    }
  });

  for (const filter of FILTERS) {
    test(`resizes by ${filter} to the same bytes as the Python imaging library`, () => {
      for (const [height, width] of [[7, 9], [10, 31], [23, 46], [30, 40]] as const) {
        assert.equal(Buffer.from(resample(source, { height, width }, filter).data), Buffer.from(expected.resized[`${filter} ${height}x${width}`]!, 'base64'), `${height}x${width}`);
      }
    });
  }

  test('lays images out as the model reads them', () => {
    const settings = { ...IMAGES_AS_THEY_ARE, crop: { height: 2, width: 3 } }, size = { height: null, width: null };
    const at = (y: number, x: number, c: number) => source.data[((10 + y) * 31 + 14 + x) * 3 + c]!; // the crop begins at floor(21 / 2), floor(28 / 2)
    const rgb = transformImage(source, settings, { channels: 'rgb', channelAxis: 'first', ...size });
    assert.equal(rgb.shape, [3, 2, 3]);
    assert.equal(Array.from(rgb.values as Uint8Array), [0, 1, 2].flatMap(c => [0, 1].flatMap(y => [0, 1, 2].map(x => at(y, x, c)))));
    const bgr = transformImage(source, settings, { channels: 'bgr', channelAxis: 'last', ...size });
    assert.equal(bgr.shape, [2, 3, 3]);
    assert.equal(Array.from(bgr.values as Uint8Array), [0, 1].flatMap(y => [0, 1, 2].flatMap(x => [2, 1, 0].map(c => at(y, x, c)))));
    const gray = transformImage(source, IMAGES_AS_THEY_ARE, { channels: 'gray', channelAxis: 'first', ...size });
    assert.equal(Buffer.from(gray.values as Uint8Array), Buffer.from(expected.gray, 'base64'));
  });

  for (const [config, shape] of [['vit', ['N', 3, 16, 16]], ['clip', ['N', 3, 'H', 'W']]] as const) {
    test(`reads ${config}.preprocessor_config.json as it is, and gives what Python's processors give within 1e-6 for pixels that are the same`, async () => {
      const { samples } = await readImages(`${FOLDER}/images.parquet`, `${FOLDER}/${config}.preprocessor_config.json`, [...shape]);
      assert.is(samples.length, 6);
      for (const [i, base64] of expected.preprocessed[config]!.entries()) {
        const values = floatsOf(base64), tolerance = NAMES[i]!.endsWith('.jpg') ? 1 / 255 / 0.26 + 1e-6 : 1e-6; // a JPEG's pixels may differ by 1
        assert.is(samples[i]!.length, values.length);
        const worst = values.reduce((most, value, at) => Math.max(most, Math.abs(value - samples[i]![at]!)), 0);
        assert.ok(worst <= tolerance, `${NAMES[i]}: off by ${worst}`);
      }
    });
  }

  test('reads the same samples and classes from Parquet, Arrow, tar archives, folders and patterns', async () => {
    const config = `${FOLDER}/vit.preprocessor_config.json`;
    const parquet = await readImages(`${FOLDER}/images.parquet`, config);
    assert.equal(parquet.classes, [0, 0, 1, 1, 2, 2]);
    for (const path of ['images.arrow', 'images.tar', 'gnu.tar', 'pax.tar', 'classes']) {
      const read = await readImages(`${FOLDER}/${path}`, config);
      assert.equal(read.classes, parquet.classes, path);
      assert.equal(read.samples.map(sample => Buffer.from(sample.buffer).toString('hex')), parquet.samples.map(sample => Buffer.from(sample.buffer).toString('hex')), path);
    }
    assert.is((await readImages(`${FOLDER}/i*es.p?rquet`, config)).samples.length, 6);
    const bags = await readImages(`${FOLDER}/classes/bag/*`, config);
    assert.equal([bags.samples.length, bags.classes], [2, []]);
    assert.is((await readImages(`${FOLDER}/classes/*/*`, config)).samples.length, 6);
  });

  test('leaves out an image that cannot be decoded, and all others keep their places', async () => {
    const options = { inputs: [INPUT], images: { resize: { height: 16, width: 16 } } };
    const whole = await collect(`${FOLDER}/images.parquet`, options, 2), damaged = await collect(`${FOLDER}/damaged.parquet`, options, 2);
    assert.equal(damaged.map(({ index, rows }) => [index, rows]), [[0, 2], [1, 1], [2, 2]]);
    assert.equal(damaged.flatMap(({ bad }) => bad.map(({ sample }) => sample)), [3]);
    assert.match(damaged[1]!.bad[0]!.reason, /^'3\.jpg': it cannot be decoded: /);
    assert.equal(Buffer.from(damaged[2]!.bytes), Buffer.from(whole[2]!.bytes));
    const alone = await collect(`${FOLDER}/damaged.parquet`, options, 1);
    assert.equal(alone.map(({ rows, bad }) => [rows, bad.length]), [[1, 0], [1, 0], [1, 0], [0, 1], [1, 0], [1, 0]]);
  });

  test('an image needs no path; where all of it, its bytes or its class is missing, the sample is told of, and the others keep their places', async () => {
    const options = { inputs: [INPUT], images: { resize: { height: 16, width: 16 } } };
    const whole = await collect(`${FOLDER}/images.parquet`, options, 1);
    for (const name of ['nulls.parquet', 'nulls.arrow']) {
      const found = await collect(`${FOLDER}/${name}`, options, 1);
      assert.equal(found.flatMap(({ bad }) => bad.map(({ sample }) => sample)), [2, 3, 4], name);
      for (const sample of [0, 1, 5]) assert.equal(Buffer.from(found[sample]!.bytes), Buffer.from(whole[sample]!.bytes), `${name}: ${sample}`);
      assert.match(found[2]!.bad[0]!.reason, /^column 'image'.* is null there/);
      assert.match(found[3]!.bad[0]!.reason, name.endsWith('.arrow') ? /^'3.jpg': the data hold its path only, not its bytes$/ : /^column 'image' of .* is null there, or holds a null$/);
      assert.match(found[4]!.bad[0]!.reason, /^column 'label' of .* is null there, or holds a null$/);
    }
  });

  test('reads the shards of images each once, bad ones too', async () => {
    for (const path of ['damaged.parquet', 'images.tar', 'classes']) {
      const opened = await openSource(`${FOLDER}/${path}`, { inputs: [INPUT], images: { resize: { height: 16, width: 16 } } });
      const show = ({ index, rows, bad, bytes }: Block) => `${index} ${rows} ${bad.length} ${Buffer.from(bytes).toString('hex')}`;
      const whole: string[] = [], shards: string[] = [];
      for await (const block of blocks(opened, { size: 1 })) whole.push(show(block));
      for (const index of [0, 1]) for await (const block of blocks(opened, { size: 1, shard: { index, count: 2 } })) shards.push(show(block));
      assert.is(whole.length, 6);
      assert.equal(shards.sort(), whole.sort(), path);
    }
  });

  test('says what to do where images do not have the size that the model reads', async () => {
    const [block] = await collect(`${FOLDER}/images.parquet`, { inputs: [INPUT] });
    assert.is(block!.bad[0]!.reason, "'0.jpg': it is 23 x 31 when it is read, and the model reads 16 x 16 (height x width): resize or crop it");
  });

  test('names what is no image, and what is no file', async () => {
    await writeFile(join(folder, 'a.jpg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
    await writeFile(join(folder, 'b.png'), '');
    const [block] = await collect(folder, { inputs: [INPUT] });
    assert.equal(block!.bad.map(({ reason }) => reason.replaceAll(folder, 'FOLDER')), [
      "'FOLDER/a.jpg': it is no JPEG, PNG, WebP image: it begins with the bytes 3c73766720786d6c", "'FOLDER/b.png': it holds no bytes",
    ]);
    assert.equal([block!.index, block!.rows], [0, 0]);
  });

  test('says what to install where the decoder is missing', async () => {
    const missing = Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' });
    assert.equal(await failure(() => loadDecoder(() => Promise.reject(missing))), { code: 'config-invalid', message: 'images are read by the package sharp, which is not installed; npm install sharp' });
  });

  const refused: [text: string, message: string][] = [
    ['[]', 'FILE: expected an object, got []'],
    ['{"resize": 0}', 'FILE: resize: shortest must be from 1 to 16384 pixels, got 0'],
    ['{"crop": [1, 2, 3]}', 'FILE: crop: expected a number, [height, width], {"height", "width"} or {"shortest_edge"}, got [1,2,3]'],
    ['{"filter": "cubic"}', 'FILE: filter: expected one of nearest, box, bilinear, hamming, bicubic, lanczos, got "cubic"'],
    ['{"mean": "0.5"}', 'FILE: mean: expected a number or a list of numbers, got "0.5"'],
    ['{"means": 1}', 'FILE: means: expected one of the entries resize, filter, crop, channels, scale, mean, std, layout, got 1'],
    ['{"do_resize": true, "do_pad": true}', 'FILE: do_pad: expected false, this step is not supported, got true'],
    ['{"do_resize": true}', 'FILE: size: expected a size to resize to, got nothing'],
    ['{"do_resize": "yes"}', 'FILE: do_resize: expected true or false, got "yes"'],
    ['{"do_resize": true, "size": 8, "resample": 9}', 'FILE: resample: expected a number from 0 to 5, got 9'],
  ];
  for (const [text, message] of refused) {
    test(`refuses the preprocessing ${text}`, async () => {
      const path = join(folder, 'preprocess.json');
      await writeFile(path, text);
      const error = await failure(() => readPreprocessFile(path));
      assert.equal({ ...error, message: error.message.replace(path, 'FILE') }, { code: 'config-invalid', message });
    });
  }

  test('reads an archive behind an address', async () => {
    const content = await readFile(`${FOLDER}/images.tar`);
    const server: Server = createServer(({ headers }, response) => {
      const [from = 0, to = 0] = /(\d+)-(\d+)/.exec(headers.range ?? '')!.slice(1).map(Number);
      response.writeHead(206, { 'content-range': `bytes ${from}-${Math.min(to, content.length - 1)}/${content.length}` }).end(content.subarray(from, to + 1));
    });
    await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve); });
    try {
      const { samples, classes } = await readImages(`http://127.0.0.1:${(server.address() as AddressInfo).port}/images.tar`, `${FOLDER}/vit.preprocessor_config.json`);
      assert.equal([samples.length, classes], [6, [0, 0, 1, 1, 2, 2]]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
