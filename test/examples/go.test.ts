import { GO } from './recipe.ts';
import { testWorker } from './test-worker.ts';

testWorker(GO);
