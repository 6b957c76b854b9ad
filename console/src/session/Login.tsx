import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useEffect, useState } from 'react';
import { asProblem } from '../api/problem';
import { configQuery, ssoQuery } from '../api/queries';
import { Brand } from '../shell/Brand';
import { ProblemCard } from '../ui/notices';
import { session } from './session';
import { departure, told } from './sso';
import { useSession } from './useSession';

export function Login() {
  const state = useSession();
  const { next, problem } = useSearch({ from: '/login' });
  const navigate = useNavigate();
  const { data: config } = useQuery(configQuery);
  useEffect(() => {
    document.title = 'Sign in · Fleetwire';
  }, []);
  useEffect(() => {
    // Only an address of this console: a link must not lead elsewhere after signing in.
    if (state.phase === 'in') navigate({ href: next?.match(/^\/(?!\/)/) ? next : '/', replace: true });
  }, [state, next, navigate]);
  return (
    <main className="login">
      <div className="panel login-card">
        <Brand />
        <h1>Sign in</h1>
        {state.phase === 'out' && state.notice && <p role="status">{state.notice}</p>}
        {told(problem) && (
          <p role="alert" className="login-wrong">
            {told(problem)}
          </p>
        )}
        <LoginForm />
        <SingleSignOn next={next} />
        <p className="dim small">
          Started with <code className="mono">fleetwire demo</code>? The name and the password are on its
          screen.
        </p>
      </div>
      <p className="dim small">
        {config && `Fleetwire ${config.version} · `}
        <a href="/docs/">Interface</a>
      </p>
    </main>
  );
}

/** Another way to sign in, where the server has one. */
function SingleSignOn({ next }: { next?: string }) {
  const { data } = useQuery(ssoQuery);
  if (!data?.is_offered || !data.start) return null;
  return (
    <Button component="a" href={departure(data.start, next)} variant="default" fullWidth>
      Sign in with {data.name}
    </Button>
  );
}

function LoginForm() {
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  /** The next password; `null` = the present one will do. */
  const [next, setNext] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    const done =
      next === null ? session.signIn(username, password) : session.changePassword(username, password, next);
    await done.catch((failure) => {
      if (asProblem(failure).code === 'password-change-needed') setNext('');
      else setError(failure);
    });
    setBusy(false);
  };
  return (
    <form className="stack" onSubmit={submit}>
      <TextInput
        label="Username"
        name="username"
        autoComplete="username"
        autoFocus
        required
        withAsterisk={false}
        value={username}
        onChange={(event) => setUsername(event.currentTarget.value)}
      />
      <PasswordInput
        label="Password"
        name="password"
        autoComplete="current-password"
        required
        withAsterisk={false}
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      {next !== null && (
        <PasswordInput
          label="New password"
          description="Somebody else has set the one above. At least 15 characters."
          name="new-password"
          autoComplete="new-password"
          autoFocus
          required
          withAsterisk={false}
          value={next}
          onChange={(event) => setNext(event.currentTarget.value)}
        />
      )}
      {error !== null &&
        (asProblem(error).status === 401 ? (
          <p role="alert" className="login-wrong">
            Wrong username or password.
          </p>
        ) : (
          <ProblemCard error={error} />
        ))}
      <Button type="submit" loading={isBusy} fullWidth>
        {next === null ? 'Sign in' : 'Change the password and sign in'}
      </Button>
    </form>
  );
}
