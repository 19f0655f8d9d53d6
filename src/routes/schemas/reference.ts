import { type Static, type TSchema, type TUnsafe, Type } from 'typebox';

/** Refers to a component, a schema with an `$id`, by its name, and keeps its static type. */
export function ref<T extends TSchema>(component: T): TUnsafe<Static<T>> {
  if (!('$id' in component)) throw new TypeError('only a schema with an $id can be referred to');
  return Type.Unsafe<Static<T>>({ $ref: `${component.$id}#` });
}

/**
 * Optional for the caller, always there for the handler: Ajv fills in the `default` before it checks what
 * is required, which no static type can say.
 */
export function defaulted<T extends TSchema>(schema: T): T {
  return Type.Optional(schema) as TSchema as T;
}
