using Fathom.KernelGuest;

// guest cases [part of a name]...   runs the cases
// guest measure                     counts instructions a look-up
// guest ROLE arguments              a process that a case starts, to be refused or killed
switch (args)
{
    case ["cases", .. var parts]:
        return Cases.Run(parts);
    case ["measure"]:
        return Measure.Run();
    case [var role, .. var arguments]:
        return Roles.Run(role, arguments);
    default:
        Console.Error.WriteLine("usage: guest cases [part of a name]...");
        return 2;
}
