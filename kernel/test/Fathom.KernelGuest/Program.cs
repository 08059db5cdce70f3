using Fathom.KernelGuest;

// guest cases [part of a name]...   runs the cases
// guest measure [METHOD DEPTH]      counts instructions a look-up
// guest profile METHOD              looks up for ever, to be watched from outside
// guest ROLE arguments              a process that a case starts, to be refused or killed
switch (args)
{
    case ["cases", .. var parts]:
        return Cases.Run(parts);
    case ["measure", .. var setting]:
        return Measure.Run(setting);
    case ["profile", var method]:
        return Measure.Profile(method);
    case [var role, .. var arguments]:
        return Roles.Run(role, arguments);
    default:
        Console.Error.WriteLine("usage: guest cases [part of a name]...");
        return 2;
}
