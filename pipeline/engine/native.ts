import { QuantpipeError } from '../base/errors.ts';
import type { Engine } from './engine.ts';
import { type Ort, openSession } from './session.ts';

/** onnxruntime-node: an optional peer; `config-invalid` where it is not installed. */
export async function nativeEngine(): Promise<Engine> {
  let ort: unknown;
  try {
    ort = await import('onnxruntime-node');
  } catch (cause) {
    throw new QuantpipeError('config-invalid', 'the native engine needs the package onnxruntime-node: npm install onnxruntime-node, or use --engine web', {}, { cause });
  }
  return { name: 'native', load: (model, options) => openSession(ort as Ort, 'native', model, options) };
}
