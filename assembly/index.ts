export { minMax } from "./min-max";
