import { useMutation, useQueryClient } from '@tanstack/react-query';

/** A change of the registry; what the lists show is asked for again. */
export function useChange<T>(change: (input: T) => Promise<unknown>, keys: string[], done?: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: async () => {
      await Promise.all(keys.map((key) => client.invalidateQueries({ queryKey: [key] })));
      done?.();
    },
  });
}
