import { spawn, type ChildProcess } from 'node:child_process';

/**
 * A small shell that reads "+pid" and "-pid" lines from a pipe that only this process holds. When this process ends, be it by a return, a
 * signal, a crash or kill -9, the pipe closes and the shell kills what is still on its list.
 */
const SCRIPT = `
trap '' INT TERM HUP
pids=' '
while read -r line; do
  pid=\${line#?}
  case $line in
    +*) pids="$pids$pid " ;;
    -*) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
  esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
`;

let shell: ChildProcess | undefined;

/** From now on the process is killed when this one ends. */
export function guard(pid: number): void {
  if (shell === undefined) {
    shell = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    shell.unref();
    // The pipe must not keep the event loop alive; a socket has unref(), which the stream's type does not tell.
    const stdin = shell.stdin;
    if (stdin !== null && 'unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
    stdin?.on('error', () => {});
  }
  shell.stdin?.write(`+${pid}\n`);
}

/** The process has ended: its pid may soon be another's. */
export function release(pid: number): void {
  shell?.stdin?.write(`-${pid}\n`);
}
