import { PYTHON } from './recipe.ts';
import { testWorker } from './test-worker.ts';

testWorker(PYTHON);
