import { openModel } from '@moepress/checkpoint';
import { describe, expect, it } from 'vitest';
import { type EngineSpan, engineSpans } from './engine/worker.js';
import type { Choice } from './generate/choose.js';
import { ModelRunner } from './runner.js';
import { denseFixtures, fixtures, fullReferences } from './testing/golden.js';
import { expectAnswers, expectTraces } from './testing/parity.test.util.js';

const shared = process.env.MOEPRESS_SHARED;
const references = [...fixtures, ...denseFixtures];
const larger = shared ? fullReferences(shared) : [];

describe.each([...references, ...larger])('$name against transformers', (reference) => {
  const { load } = reference;
  it.each(['streamed', 'resident'] as const)(
    '%s: a padded batch of three sequences, scores and 16 greedy tokens',
    async (residency) => {
      const golden = await load();
      // All of it is one batch, which one worker computes.
      const options = { residency, workers: 1, threads: 1 };
      const runner = await ModelRunner.open(await openModel(golden.model), options);
      try {
        await expectTraces(runner, golden);
        // Streamed, generation opens every block again for each token: the small references show that it is right.
        if (residency === 'resident' || !larger.includes(reference)) await expectAnswers(runner, golden);
      } finally {
        await runner.dispose();
      }
    },
  );
});

describe('ModelRunner', () => {
  it('takes fewer workers than it is asked to where memory has no room for them', async () => {
    const { model: folder, sequences } = await fixtures[0]!.load();
    const model = await openModel(folder);
    const workersWith = async (memory: number) => {
      const used = new Set<number>();
      const note = (span: unknown) => used.add((span as EngineSpan).worker);
      engineSpans.subscribe(note);
      try {
        await using runner = await ModelRunner.open(model, { workers: 2, threads: 2, idle: 0, memory });
        await runner.score(sequences.map((ids) => ({ ids, from: 1 })));
        return used.size;
      } finally {
        engineSpans.unsubscribe(note);
      }
    };
    expect(await workersWith(1e9)).toBe(2);
    expect(await workersWith(2e8)).toBe(1);
  });

  it('opens nothing anew for a call like an earlier one where all blocks stay open', async () => {
    const { model, sequences } = await fixtures[0]!.load();
    const options = { residency: 'resident', workers: 1, threads: 1 } as const;
    const runner = await ModelRunner.open(await openModel(model), options);
    const opened: string[] = [];
    const note = (span: unknown) => {
      const { kind, what } = span as EngineSpan;
      if (kind === 'open') opened.push(what);
    };
    const chooser = { wants: () => true, choose: ({ likeliest }: Choice) => likeliest };
    const call = async () => {
      await runner.score([{ ids: sequences[0]!, from: 1 }]);
      await runner.generate(sequences, { maxNewTokens: 2, eosTokenIds: [], chooser });
      await runner.trace([sequences[0]!]);
    };
    engineSpans.subscribe(note);
    try {
      await call();
      expect(opened.length).toBeGreaterThan(0);
      opened.length = 0;
      await call();
      expect(opened).toEqual([]);
    } finally {
      engineSpans.unsubscribe(note);
      await runner.dispose();
    }
  });

  it('stops between two sessions that it opens for generation, and opens the rest when it is asked again', async () => {
    const { model, sequences } = await fixtures[0]!.load();
    const runner = await ModelRunner.open(await openModel(model), { residency: 'resident', threads: 1 });
    const stopping = new AbortController();
    const opened = new Set<string>();
    const note = (span: unknown) => {
      const { kind, what } = span as EngineSpan;
      if (kind === 'open') opened.add(what);
      if (what === 'decode.0') stopping.abort();
    };
    const options = { maxNewTokens: 2, eosTokenIds: [] };
    engineSpans.subscribe(note);
    try {
      const stopped = runner.generate(sequences, { ...options, signal: stopping.signal });
      await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' });
      expect([...opened]).toEqual(['decode.0']);
      expect(await runner.generate(sequences, options)).toHaveLength(sequences.length);
      expect([...opened]).toContain('decode.head');
    } finally {
      engineSpans.unsubscribe(note);
      await runner.dispose();
    }
  });

  it('computes a shared prefix once and scores as if it had not', async () => {
    const golden = await fixtures[1]!.load();
    const runner = await ModelRunner.open(await openModel(golden.model));
    try {
      const [question] = golden.sequences;
      const items = [7, 11, 500].flatMap((token, i) => [
        { ids: [...question!, token, i], from: question!.length },
        { ids: [...question!.slice(0, 20 + i), token], from: 20 + i },
      ]);
      const together = await runner.score(items);
      for (const [i, item] of items.entries()) {
        const [alone] = await runner.score([item]);
        expect(Math.abs(together[i]!.logprob - alone!.logprob)).toBeLessThan(1e-4);
      }
    } finally {
      await runner.dispose();
    }
  });

  it('shares no prefixes where the length of a sequence turns its tokens', async () => {
    const golden = await fixtures[1]!.load();
    const { config, ...model } = await openModel(golden.model);
    const scaling = { kind: 'dynamic', factor: 4, originalPositions: 8 } as const;
    const runner = await ModelRunner.open({
      ...model,
      config: { ...config, rope: { ...config.rope, scaling } },
    });
    try {
      const [question] = golden.sequences;
      const items = [10, 20, 40].map((length) => ({ ids: question!.slice(0, length), from: length - 2 }));
      const together = await runner.score(items);
      for (const [i, item] of items.entries()) {
        const [alone] = await runner.score([item]);
        expect(Math.abs(together[i]!.logprob - alone!.logprob)).toBeLessThan(1e-4);
      }
    } finally {
      await runner.dispose();
    }
  });

  it('stops each sequence where its own stop condition holds', async () => {
    const golden = await fixtures[0]!.load();
    const runner = await ModelRunner.open(await openModel(golden.model));
    try {
      const stopAt = golden.greedy[1]![4]!;
      const [, second, third] = await runner.generate(golden.sequences, {
        maxNewTokens: 16,
        eosTokenIds: [stopAt],
        stop: (newIds) => newIds.length === 9,
      });
      expect(second).toEqual(golden.greedy[1]!.slice(0, 5));
      expect(third).toEqual(golden.greedy[2]!.slice(0, 9));
    } finally {
      await runner.dispose();
    }
  });

  it('continues prompts that are equal, or begin others, as each alone', async () => {
    const golden = await fixtures[0]!.load();
    const runner = await ModelRunner.open(await openModel(golden.model), { workers: 1 });
    try {
      const [question, other] = golden.sequences;
      const starts = [5, 9, 9, 7, 5, 9, 9, 9].map((length) => question!.slice(0, length));
      const prompts = [...starts, other!, other!];
      const options = { maxNewTokens: 3, eosTokenIds: [] };
      const alone = new Map<readonly number[], number[]>();
      for (const prompt of [...starts.slice(0, 4), other!]) {
        alone.set(prompt, (await runner.generate([prompt], options))[0]!);
      }
      const expected = prompts.map(
        (prompt) => [...alone].find(([known]) => known.join() === prompt.join())![1],
      );
      expect(await runner.generate(prompts, options)).toEqual(expected);
    } finally {
      await runner.dispose();
    }
  });

  it('refuses token ids the model does not have', async () => {
    const golden = await fixtures[0]!.load();
    const runner = await ModelRunner.open(await openModel(golden.model));
    try {
      await expect(runner.trace([[1, 512]])).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      await expect(runner.score([{ ids: [], from: 1 }])).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    } finally {
      await runner.dispose();
    }
  });
});
