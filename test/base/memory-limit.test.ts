import * as assert from 'uvu/assert';

import { memoryLimit } from '../../pipeline/base/memory-limit.ts';
import { suite } from '../support/suite.ts';

const MACHINE = 64 * 2 ** 30;
const limit = (files: Record<string, string>): number => memoryLimit(path => files[path] ?? null, MACHINE);

suite('base/memory-limit', test => {
  const cases: readonly [says: string, files: Record<string, string>, expected: number][] = [
    ['no control groups: the machine', {}, MACHINE],
    ['version 2, in a container', { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': '536870912\n' }, 536870912],
    ['version 2, no limit', { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': 'max\n' }, MACHINE],
    ['version 2, a group above allows less', {
      '/proc/self/cgroup': '0::/job.slice/step.scope\n', '/sys/fs/cgroup/job.slice/step.scope/memory.max': '4000000000\n', '/sys/fs/cgroup/job.slice/memory.max': '1000000000\n',
    }, 1000000000],
    ['version 1, named together with another controller', { '/proc/self/cgroup': '5:cpu,cpuacct:/\n4:memory,hugetlb:/docker/ab\n', '/sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes': '2147483648\n' }, 2147483648],
    ["version 1, the path is the host's and only the container's root is there", { '/proc/self/cgroup': '4:memory:/docker/ab\n', '/sys/fs/cgroup/memory/memory.limit_in_bytes': '1073741824\n' }, 1073741824],
    ['version 1, its word for no limit', { '/proc/self/cgroup': '4:memory:/\n', '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n' }, MACHINE],
  ];
  for (const [says, files, expected] of cases) test(says, () => assert.is(limit(files), expected));

  test('here, it is some memory', () => assert.ok(memoryLimit() > 2 ** 26));
});
