import { PHP } from './recipe.ts';
import { testWorker } from './test-worker.ts';

testWorker(PHP);
