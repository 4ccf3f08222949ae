import type { GraphIR } from '@moepress/graph';
import type { Session } from './handles.js';
import type { EngineScope, OpenOptions } from './scope.js';

/** Sessions of a scope by their names: either each stays open from its first use on, or it closes after every use. */
export class SessionPool {
  readonly scope: EngineScope;
  /** Whether sessions stay open until the scope closes. */
  readonly keepsOpen: boolean;
  readonly #open = new Map<string, Promise<Session>>();

  constructor(scope: EngineScope, { keepsOpen }: { readonly keepsOpen: boolean }) {
    this.scope = scope;
    this.keepsOpen = keepsOpen;
  }

  /** Calls `use` with the session of that name, whose graph is made if it is not open. */
  async with<R>(name: string, graph: () => GraphIR, use: (session: Session) => Promise<R>): Promise<R> {
    if (!this.keepsOpen) return this.scope.with(graph(), use, { name });
    return use(await this.open(name, graph));
  }

  /** Opens a session that stays open, unless it is open. */
  async open(name: string, graph: () => GraphIR, options: Omit<OpenOptions, 'name'> = {}): Promise<Session> {
    const opening = this.#open.get(name) ?? this.scope.open(graph(), { name, ...options });
    this.#open.set(name, opening);
    try {
      return await opening;
    } catch (error) {
      this.#open.delete(name);
      throw error;
    }
  }
}
