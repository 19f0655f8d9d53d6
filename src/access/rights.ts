/** What a key may be allowed: to put jobs, to reserve and settle them, to look, and to change what is there. */
export const RIGHTS = ['produce', 'consume', 'inspect', 'admin'] as const;
export type Right = (typeof RIGHTS)[number];
