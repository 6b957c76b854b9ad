import { useSyncExternalStore } from 'react';
import { type Me, session } from './session';

export function useSession() {
  return useSyncExternalStore(session.listen, session.state);
}

/** Who is signed in; only below pages that need it. */
export function useMe(): Me {
  const state = useSession();
  return state.phase === 'in' ? state.me : { user_id: '', username: '', role: 'nobody' };
}
