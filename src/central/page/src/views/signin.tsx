import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { nameOf, signIn, takeOffer, whoAmI, whoHas, type Me, type Offer } from '../api';
import { Code, Dialog, Problem, TextField, useResource } from '../ui';
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

function Named({ of }: { of: Me }): JSX.Element {
    const { name, role } = nameOf(of);
    return (
        <>
            <b>{name}</b> ({role})
        </>
    );
}

/** A link would sign in as somebody else: what is done then is done under that name, so staying is what Enter and Escape do. */
export function OtherSignIn({ offer, onStay }: { offer: Offer; onStay: () => void }): JSX.Element {
    const now = useResource(whoAmI, []);
    const other = useResource(() => whoHas(offer.token), []);
    return (
        <Dialog title="Sign in with another token?" onClose={onStay}>
            {now.data !== undefined && (
                <p>
                    You are signed in as <Named of={now.data} />.
                </p>
            )}
            {other.data !== undefined && (
                <p>
                    The link that you followed would sign you in as <Named of={other.data} /> instead. Go on only if you know where the link comes from: what you do then is done under that token.
                </p>
            )}
            {other.error !== undefined && <p>The token of the link that you followed is not accepted:</p>}
            <Problem error={other.error} />
            <div class="form-actions">
                <button type="button" disabled={other.data === undefined} onClick={() => takeOffer(offer)}>
                    Sign in with the link
                </button>
                <button type="button" class="primary" autofocus onClick={onStay}>
                    Stay signed in
                </button>
            </div>
        </Dialog>
    );
}
