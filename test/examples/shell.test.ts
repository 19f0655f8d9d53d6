import { SHELL } from './recipe.ts';
import { testWorker } from './test-worker.ts';

testWorker(SHELL);
