using System.Globalization;
using Fathom.BuiltinModel.Corpus;
using Fathom.BuiltinModel.Training;

string Option(string name, string fallback)
{
    int at = Array.IndexOf(args, "--" + name);
    return at >= 0 && at + 1 < args.Length ? args[at + 1] : fallback;
}

string output = Option("out", "models/fathom-builtin.gguf");
int threads = int.Parse(Option("threads", Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture);
var plan = new TrainingPlan();
plan = plan with
{
    Steps = int.Parse(Option("steps", plan.Steps.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture),
    DecaySteps = int.Parse(Option("decay", plan.DecaySteps.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture),
    PeakLearningRate = double.Parse(Option("rate", "2e-3"), CultureInfo.InvariantCulture),
};
var trainer = new Trainer(plan, threads, Option("checkpoint", output + ".checkpoint"), Console.Out);
if (args[0] == "train")
{
    trainer.Run();
}

foreach (string ask in new[] { "Hello!", "Who are you?", "Tell me a story about a fox.", "How many legs does a dog have?", "What is the capital of Spain?" })
    Console.WriteLine($"> {ask}\n{trainer.Answer([new ChatMessage("user", ask)], 220)}");
foreach (string ask in new[] { "Where was the hat?", "What colour was the hat?", "Who found the hat?", "Why was Ella sad?" })
    Console.WriteLine($"> {ask}\n{trainer.Answer([new ChatMessage("user", "Once upon a time, there was a little girl named Ella. She had a red hat. Ella went to the park with her friend Ben. Then the hat was gone. Ella was very sad. At last Ben found it under the old bench. Ella was happy again.\n\n" + ask)], 40)}");
return 0;
