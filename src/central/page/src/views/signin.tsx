import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { signIn } from '../api';
import { Code, Problem, TextField } from '../ui';
import { Logo } from '../main';

export function SignIn({ why, onDone }: { why: string; onDone: () => void }): JSX.Element {
    const [text, setText] = useState('');
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<Error | undefined>(why === '' ? undefined : new Error(why));
    const send = async (event: Event): Promise<void> => {
        event.preventDefault();
        setBusy(true);
        setError(undefined);
        try {
            await signIn(text);
            onDone();
        } catch (failed) {
            setError(failed as Error);
            setBusy(false);
        }
    };
    return (
        <main class="sign-in">
            <form class="card" onSubmit={(event) => void send(event)}>
                <Logo />
                <h1>Sign in to Spoke Central</h1>
                <TextField
                    label="API token"
                    type="password"
                    mono
                    required
                    autofocus
                    value={text}
                    onInput={setText}
                    placeholder="SharedAccessSignature sr=…"
                    hint="It stays in this browser tab, and is forgotten when you sign out or close it."
                />
                <Problem error={error} />
                <button class="primary wide" disabled={busy}>
                    Sign in
                </button>
                <details>
                    <summary>Where do I get a token?</summary>
                    <p>The service shows one as it starts:</p>
                    <Code label="command" text="spoke-central --show-secrets" />
                    <p>Anyone who is signed in as an administrator can make more, under Access.</p>
                </details>
            </form>
        </main>
    );
}
