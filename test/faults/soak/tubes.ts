export const TUBES = ['soak-a', 'soak-b', 'soak-c', 'soak-d'] as const;
