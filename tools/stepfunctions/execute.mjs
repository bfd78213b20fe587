// Executes a state machine: reads {definition, input, endpoint, waits, retries} from standard input, and prints
// {output} or {error, cause}, after one line {state} for each state that was entered. A Task that invokes a function asks the
// endpoint to: POST {function, payload}, answered by {payload} or {error, cause}.
// waits and retries are milliseconds by the state's name, in place of what the definition says.

// Node.js 20 lacks it.
Promise.withResolvers ??= () => {
  let resolve, reject;
  const promise = new Promise((a, b) => { resolve = a; reject = b; });
  return { promise, resolve, reject };
};

const { StateMachine } = await import("aws-local-stepfunctions");
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { definition, input, endpoint, waits = {}, retries = {} } = JSON.parse(Buffer.concat(chunks).toString());

// The limit of a state's input and output: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
const limit = 256 * 1024;

class TaskError extends Error {
  constructor(name, cause) {
    super(cause);
    this.name = name;
  }
}

async function invoke(parameters) {
  const body = JSON.stringify({ function: parameters.FunctionName, payload: parameters.Payload });
  if (body.length > limit) throw new TaskError("States.DataLimitExceeded", "the input of the task");
  const response = await fetch(endpoint, { method: "POST", body });
  const answer = await response.json();
  if (answer.error) throw new TaskError(answer.error, answer.cause);
  if (JSON.stringify(answer.payload).length > limit) throw new TaskError("States.DataLimitExceeded", "the output of the task");
  return { ExecutedVersion: "$LATEST", Payload: answer.payload, StatusCode: 200 };
}

const handlers = {};
for (const [name, state] of Object.entries(definition.States)) {
  if (state.Type !== "Task") continue;
  if (!state.Resource.endsWith(":states:::lambda:invoke")) throw new Error(`the resource ${state.Resource} is not known here`);
  handlers[name] = invoke;
}
const execution = new StateMachine(definition, { validationOptions: { checkArn: false } }).run(input, {
  overrides: { taskResourceLocalHandlers: handlers, waitTimeOverrides: waits, retryIntervalOverrides: retries },
});
const logs = (async () => {
  for await (const e of execution.eventLogs) {
    if (e.type === "StateEntered") console.log(JSON.stringify({ state: e.state.name }));
  }
})();
let result;
try {
  result = { output: await execution.result };
} catch (e) {
  result = { error: e.cause?.name ?? e.name, cause: e.cause?.message ?? e.message };
}
await logs;
console.log(JSON.stringify(result));
