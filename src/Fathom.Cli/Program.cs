using Fathom.Cli.CommandLine;

return await FathomApplication.RunAsync(args, new Terminal(Console.Out, Console.Error));
