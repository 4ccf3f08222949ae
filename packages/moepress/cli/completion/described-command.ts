/** A command as shells complete it. */
export interface DescribedCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly DescribedFlag[];
  /** What its first argument may be; empty where that is a file or anything. */
  readonly choices: readonly string[];
}

export interface DescribedFlag {
  readonly flag: string;
  readonly description: string;
  /** Whether a value follows. */
  readonly takesValue: boolean;
  /** What the value may be; empty where that is a file or anything. */
  readonly choices: readonly string[];
}
