import type { TSchema } from 'typebox';
import {
  NewJobSchema,
  NewJobsSchema,
  PutResultSchema,
  PutResultsSchema,
  SettleItemSchema,
  SettleRequestSchema,
  SettleResultSchema,
  SettleResultsSchema,
} from './batch.ts';
import {
  FoundJobSchema,
  JobSchema,
  JobStatisticsSchema,
  ReservationListSchema,
  ReservationSchema,
  ReservationStatusSchema,
  TouchedSchema,
} from './job.ts';
import { InvalidPartSchema, ProblemDescriptionSchema, ProblemSchema } from './problem.ts';
import { GatewaySchema, HealthSchema, LinksSchema, ServerSchema, WelcomeSchema } from './server.ts';
import { ClearedSchema, KickedSchema, PutAnswerSchema, TubeListSchema, TubeSchema } from './tube.ts';

/** Every object of the API: the components of the OpenAPI document. */
export const COMPONENTS: readonly TSchema[] = [
  ClearedSchema,
  FoundJobSchema,
  GatewaySchema,
  HealthSchema,
  InvalidPartSchema,
  JobSchema,
  JobStatisticsSchema,
  KickedSchema,
  LinksSchema,
  NewJobSchema,
  NewJobsSchema,
  ProblemDescriptionSchema,
  ProblemSchema,
  PutAnswerSchema,
  PutResultSchema,
  PutResultsSchema,
  ReservationListSchema,
  ReservationSchema,
  ReservationStatusSchema,
  ServerSchema,
  SettleItemSchema,
  SettleRequestSchema,
  SettleResultSchema,
  SettleResultsSchema,
  TouchedSchema,
  TubeListSchema,
  TubeSchema,
  WelcomeSchema,
];
