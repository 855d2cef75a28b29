export { QuantpipeError, type ErrorCode } from './base/errors.ts';
