import { duplicateKey } from '../base/duplicate-key.ts';
import { QuantpipeError } from '../base/errors.ts';
import { withoutByteOrderMark } from '../base/text-file.ts';
import { JsonPlace } from '../config/json-place.ts';
import { type EncodingsFile, Fields } from './encodings-file.ts';
import { readEncodings04, readEncodings061, readParameters061 } from './read-encodings-0.6.1.ts';
import { readEncodings100 } from './read-encodings-1.0.0.ts';
import { readEncodings200 } from './read-encodings-2.0.0.ts';

/** One reader per version of AIMET's encodings file. A file without a version is of the first. */
const readers: Readonly<Record<string, (root: JsonPlace) => EncodingsFile>> = {
  '0.4.0': readEncodings04,
  '0.6.1': readEncodings061,
  '1.0.0': readEncodings100,
  '2.0.0': readEncodings200,
  '2.1.0': readEncodings200,
};

/**
 * Read an encodings file of any version. Without a version and without sections, it is a list of parameters.
 *
 * @param where how messages call the file
 * @throws QuantpipeError `encodings-invalid` with the path in the file
 */
export function readEncodings(text: string, where: string): EncodingsFile {
  const unmarked = withoutByteOrderMark(text);
  const root = new JsonPlace(parse(unmarked, where), where, '', 'encodings');
  const twice = duplicateKey(withNonFiniteAsWords(unmarked));
  if (twice !== null) throw new QuantpipeError('encodings-invalid', `${twice}: the key stands there twice, and only one of them can hold`, { encodings: where });
  const fields = new Fields(root);
  if (['version', 'activation_encodings', 'param_encodings', 'encodings'].every(name => fields.find(name) === null) && root.entries().length > 0) return readParameters061(root);
  const version = fields.find('version');
  if (version === null) refuseNewerForms(root, fields);
  const named = version?.value ?? '0.4';
  const reader = Object.entries(readers).find(([name]) => name === named || name === `${String(named)}.0`)?.[1];
  if (reader === undefined) throw version!.expected(`one of the known versions ${Object.keys(readers).join(', ')}`);
  return reader(root);
}

/** Only the first version may leave out its number; the others have other forms. */
function refuseNewerForms(root: JsonPlace, fields: Fields): void {
  const form = fields.find('encodings') !== null ? '2.0.0' : Array.isArray(fields.find('activation_encodings')?.value ?? fields.find('param_encodings')?.value) ? '1.0.0' : null;
  if (form !== null) throw root.error(`has no 'version'; its form is that of ${form}`);
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const words = withNonFiniteAsWords(text);
    if (words === text) throw notJson(where, cause);
    try {
      return JSON.parse(words);
    } catch {
      throw notJson(where, cause);
    }
  }
}

/** Python writes NaN and Infinity, which JSON does not have. As words they can be parsed, and then be refused with their path. */
function withNonFiniteAsWords(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, found => found.startsWith('"') ? found : `"${found}"`);
}

function notJson(where: string, cause: unknown): QuantpipeError {
  return new QuantpipeError('encodings-invalid', `${where}: not JSON (is the file whole?): ${(cause as Error).message}`, { encodings: where }, { cause });
}
