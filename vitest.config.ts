import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Each file has a beanstalkd of its own; more at once than cores only makes their clocks late.
    maxWorkers: 2,
  },
});
