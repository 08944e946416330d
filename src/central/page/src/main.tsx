// The frame: who is signed in, where one is, and the view of that place.
import { render, type JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { declineOffer, may, nameOf, offered, onBusy, onOffer, onSignOut, signedIn, signOut, whoAmI } from './api';
import 'uplot/dist/uPlot.min.css'; // uPlot itself comes with the first chart
import './style.css';
import { Guard, Icon, Notes, Problem, useResource } from './ui';
import { OtherSignIn, SignIn } from './views/signin';
import { viewOf } from './views/routes';

const PLACES: [key: string, text: string, ...rights: string[]][] = [
    ['devices', 'Devices', 'device.read'],
    ['groups', 'Device groups', 'group.read'],
    ['templates', 'Templates', 'template.read'],
    ['dashboards', 'Dashboards', 'dashboard.read'],
    ['analytics', 'Analytics', 'query.run'],
    ['jobs', 'Jobs', 'job.read'],
    ['connect', 'Connect a device', 'device.write'],
    ['access', 'Access', 'people.read', 'enrolment.read'],
    ['organizations', 'Organizations', 'people.read'],
    ['settings', 'Settings', 'file.read'],
];

// --- light and dark: what the system says, until somebody chooses ---

const CHOSEN = 'spoke-theme';
const dark = matchMedia('(prefers-color-scheme: dark)');
const theme = (): string => localStorage.getItem(CHOSEN) ?? (dark.matches ? 'dark' : 'light');

function applyTheme(): void {
    document.documentElement.dataset['theme'] = theme();
    document.dispatchEvent(new Event('theme'));
}

function ThemeButton(): JSX.Element {
    const [now, setNow] = useState(theme());
    const other = now === 'dark' ? 'light' : 'dark';
    const choose = (): void => {
        localStorage.setItem(CHOSEN, other);
        applyTheme();
        setNow(other);
    };
    return (
        <button class="bare" title={`Use ${other} colours`} aria-label={`Use ${other} colours`} onClick={choose}>
            <Icon name={now === 'dark' ? 'sun' : 'moon'} />
        </button>
    );
}

// --- where one is: the address's fragment ---

export function usePlace(): string[] {
    const read = (): string[] => location.hash.replace(/^#\/?/, '').split('?')[0]!.split('/').map(decode);
    const [place, setPlace] = useState(read);
    useEffect(() => {
        const moved = (): void => setPlace(read());
        addEventListener('hashchange', moved);
        return () => removeEventListener('hashchange', moved);
    }, []);
    return place[0] === '' ? ['devices'] : place;
}

function decode(text: string): string {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

function Navigation({ current }: { current: string }): JSX.Element {
    return (
        <ul>
            {PLACES.filter(([, , ...rights]) => rights.some(may)).map(([key, text]) => (
                <li>
                    <a href={`#/${key}`} aria-current={key === current ? 'page' : undefined}>
                        <Icon name={key} />
                        {text}
                    </a>
                </li>
            ))}
        </ul>
    );
}

function Frame(): JSX.Element {
    const place = usePlace();
    const me = useResource(whoAmI, []); // its rights are known before a view shows what it offers
    const [open, setOpen] = useState(false);
    const [busy, setBusy] = useState(false);
    useEffect(() => onBusy(setBusy), []);
    const who = me.data === undefined ? undefined : nameOf(me.data);
    const main = useRef<HTMLElement>(null);
    const first = useRef(true);
    const at = place.join('/');
    useEffect(() => {
        setOpen(false);
        if (first.current) first.current = false;
        else main.current?.querySelector<HTMLElement>('h1')?.focus();
        scrollTo(0, 0);
    }, [place.slice(0, 2).join('/')]);
    return (
        <div class={open ? 'frame open' : 'frame'}>
            <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
                Skip to content
            </a>
            <header class="side">
                <div class="brand">
                    <button class="bare menu" aria-expanded={open} aria-controls="places" aria-label="Menu" onClick={() => setOpen(!open)}>
                        <Icon name={open ? 'close' : 'menu'} />
                    </button>
                    <a href="#/devices" class="name">
                        <Logo /> Spoke Central
                    </a>
                    <span class="only-narrow">
                        <ThemeButton />
                    </span>
                </div>
                <nav id="places" class="places" aria-label="Main">
                    {me.data !== undefined && <Navigation current={place[0] ?? ''} />}
                </nav>
                <div class="who">
                    <span class="who-name" title="The API token you are signed in with, and its role">
                        {who !== undefined && (
                            <>
                                <b>{who.name}</b>
                                <span>{who.role}</span>
                            </>
                        )}
                    </span>
                    <span class="only-wide">
                        <ThemeButton />
                    </span>
                    <button class="bare" title="Sign out" aria-label="Sign out" onClick={() => signOut()}>
                        <Icon name="out" />
                    </button>
                </div>
            </header>
            <div class="busy" role="status">
                {busy && 'The service has a limit of requests; waiting for it…'}
            </div>
            <main ref={main} id="main" tabIndex={-1}>
                <Problem error={me.data === undefined ? me.error : undefined} />
                {me.data !== undefined && <Guard at={at}>{viewOf(place)}</Guard>}
            </main>
        </div>
    );
}

export function Logo(): JSX.Element {
    return (
        <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="8" />
            <path d="M16 16V7M16 16l7.800 4.500M16 16l-7.800 4.500" />
            <circle cx="16" cy="16" r="3.400" />
            <circle cx="16" cy="6.500" r="2.400" />
            <circle cx="24.200" cy="20.800" r="2.400" />
            <circle cx="7.800" cy="20.800" r="2.400" />
        </svg>
    );
}

function App(): JSX.Element {
    const [inside, setInside] = useState(signedIn());
    const [why, setWhy] = useState('');
    const [offer, setOffer] = useState(offered());
    useEffect(() => onSignOut((reason) => (setWhy(reason), setInside(false))), []);
    useEffect(() => onOffer(() => setOffer(offered())), []);
    const stay = (): void => (declineOffer(), setOffer(undefined));
    return (
        <Notes>
            {inside ? <Frame /> : <SignIn why={why} onDone={() => (setWhy(''), setInside(true))} />}
            {inside && offer !== undefined && <OtherSignIn key={offer.token} offer={offer} onStay={stay} />}
        </Notes>
    );
}

applyTheme();
dark.addEventListener('change', applyTheme);
const root = document.getElementById('app');
if (root !== null) {
    root.replaceChildren();
    render(<App />, root);
}
