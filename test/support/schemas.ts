import { readFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';

/** A function that lists what a document has against the schema of a version of the encodings file: a path and a fact each. */
export async function schemaOf(version: string): Promise<(document: unknown) => string[]> {
  const schema = JSON.parse(await readFile(`fixtures/schemas/encodings-${version}.schema.json`, 'utf8')) as object;
  const validate = new Ajv2020({ strict: true, allErrors: true }).compile(schema);
  return document => validate(document) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message}`);
}
