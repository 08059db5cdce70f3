// A model in this process behind IChatClient: no HTTP, the same engine. Usage: InProcessChat [model.gguf] [question]

using Fathom.Kernels.Attention;
using Fathom.Models.ChatTemplates;
using Fathom.Models.Execution;
using Fathom.Server;
using Fathom.Server.ChatClient;
using Fathom.Server.Metrics;
using Fathom.Serving;
using Fathom.Serving.Engine;
using Fathom.Serving.Metrics;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging.Abstractions;

var path = args.Length > 0 ? args[0] : "models/fathom-builtin.gguf";
var question = args.Length > 1 ? args[1] : "Tell me a story about a fox.";

using var model = TransformerModel.Load(path);
using var storage = model.CreateKvStorage(blocks: 256, KvType.F16);
using var meters = new MeterScope();
await using var engine = new ServingEngine(
    new LocalModelExecutor(model, storage), model.Tokenizer, new ServingOptions(),
    new ServingMetrics(meters, "local"), NullLogger<ServingEngine>.Instance);

IChatClient client = new FathomChatClient(
    new ServedModel("local", engine, model.Tokenizer, ChatTemplate.Parse(model.ChatTemplateSource!)));
await foreach (var update in client.GetStreamingResponseAsync(question, new ChatOptions { MaxOutputTokens = 200 }))
    Console.Write(update.Text);
Console.WriteLine();
