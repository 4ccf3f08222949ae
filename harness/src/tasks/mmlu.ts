import { z } from 'zod';
import { strip } from '../python/text.js';
import { acc } from './choices.js';
import type { TaskGroup } from './task-group.js';
import { defineTask, type Task } from './task-schema.js';
import { column, computed, fixed } from './template.js';

const subjects = {
  stem: `abstract_algebra anatomy astronomy college_biology college_chemistry college_computer_science
    college_mathematics college_physics computer_security conceptual_physics electrical_engineering
    elementary_mathematics high_school_biology high_school_chemistry high_school_computer_science
    high_school_mathematics high_school_physics high_school_statistics machine_learning`,
  other: `business_ethics clinical_knowledge college_medicine global_facts human_aging management marketing
    medical_genetics miscellaneous nutrition professional_accounting professional_medicine virology`,
  social_sciences: `econometrics high_school_geography high_school_government_and_politics
    high_school_macroeconomics high_school_microeconomics high_school_psychology human_sexuality
    professional_psychology public_relations security_studies sociology us_foreign_policy`,
  humanities: `formal_logic high_school_european_history high_school_us_history high_school_world_history
    international_law jurisprudence logical_fallacies moral_disputes moral_scenarios philosophy prehistory
    professional_law world_religions`,
};

const row = z.object({
  question: z.string(),
  choices: z.array(z.string()).length(4),
  answer: z.int().min(0).max(3),
});

const question = computed(
  '{{question.strip()}}\nA. {{choices[0]}}\nB. {{choices[1]}}\nC. {{choices[2]}}\nD. {{choices[3]}}\nAnswer:',
  ({ question, choices: [a, b, c, d] }: z.output<typeof row>) =>
    `${strip(question)}\nA. ${a}\nB. ${b}\nC. ${c}\nD. ${d}\nAnswer:`,
);

function subjectTask(subject: string): Task {
  return defineTask({
    task: `mmlu_${subject}`,
    task_alias: subject,
    dataset_path: 'cais/mmlu',
    dataset_name: subject,
    output_type: 'multiple_choice',
    test_split: 'test',
    fewshot_split: 'dev',
    fewshot_config: { sampler: 'first_n' },
    row,
    description: `The following are multiple choice questions (with answers) about ${subject.replaceAll('_', ' ')}.\n\n`,
    doc_to_text: question,
    doc_to_target: column('answer'),
    doc_to_choice: fixed('A', 'B', 'C', 'D'),
    metric_list: acc,
    metadata: { version: 1 },
  });
}

const areas = Object.entries(subjects).map(
  ([area, names]): TaskGroup => ({
    group: `mmlu_${area}`,
    group_alias: area.replaceAll('_', ' '),
    members: names.split(/\s+/).map(subjectTask),
    metrics: ['acc'],
    version: 2,
  }),
);

/** Massive Multitask Language Understanding: exams in 57 subjects of four areas (Hendrycks et al., 2021). */
export const mmlu: TaskGroup = { group: 'mmlu', members: areas, metrics: ['acc'], version: 2 };
