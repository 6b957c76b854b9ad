// The answers that are kept, and which failures are worth another try.

import { QueryClient } from '@tanstack/react-query';
import { asProblem } from './problem';

export const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => {
        const { status } = asProblem(error);
        return failures < 2 && (status === 0 || status >= 500);
      },
    },
    mutations: { retry: false },
  },
});
