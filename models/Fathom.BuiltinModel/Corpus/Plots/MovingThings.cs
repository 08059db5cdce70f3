namespace Fathom.BuiltinModel.Corpus.Plots;

/// <summary>
/// Plain sentences about who goes where and carries what, with the places of everything kept up to date: the exercise in following.
/// Source of the idea: the bAbI tasks, Weston et al. 2015.
/// </summary>
internal static class MovingThings
{
    public static void Tell(Story s, Cast c)
    {
        Person[] people = [c.Hero, c.Friend, c.Third];
        string[] things = [c.Item.Name, c.OtherItem.Name];
        string[] colours = [c.Colour, c.OtherColour];
        var rooms = new string[people.Length];
        var holders = new int[things.Length];
        var thingRooms = new string?[things.Length];
        int present = 2 + s.Random.Next(2);
        for (int i = 0; i < present; i++)
        {
            rooms[i] = s.Random.Pick(World.Rooms);
            s.Say($"{people[i].Name} is in the {rooms[i]}.", $"{people[i].Name} went to the {rooms[i]}.");
        }

        for (int t = 0; t < things.Length; t++)
        {
            int holder = s.Random.Next(present);
            holders[t] = holder;
            thingRooms[t] = rooms[holder];
            s.Say($"{people[holder].Name} took the {colours[t]} {things[t]}.", $"{people[holder].Name} picked up the {colours[t]} {things[t]}.", $"{people[holder].Name} has the {colours[t]} {things[t]}.");
        }

        int steps = 2 + s.Random.Next(4);
        for (int step = 0; step < steps; step++)
            Step(s, people, present, things, rooms, holders, thingRooms);

        for (int i = 0; i < present; i++)
            s.Ask($"{people[i].Name} is in the {rooms[i]}.", $"Where is {people[i].Name}?", $"Where is {people[i].Name} now?");
        for (int t = 0; t < things.Length; t++)
        {
            s.Ask($"The {things[t]} is in the {thingRooms[t]}.", $"Where is the {things[t]}?", $"Where is the {things[t]} now?");
            s.Ask($"The {things[t]} is {colours[t]}.", $"What colour is the {things[t]}?", $"What color is the {things[t]}?");
            s.Ask(holders[t] >= 0 ? $"{people[holders[t]].Name} has the {things[t]}." : $"Nobody has the {things[t]}.", $"Who has the {things[t]}?", $"Who has the {things[t]} now?");
            s.AskYesNo($"the {things[t]} is in the {thingRooms[t]}", thingRooms[t]!, World.Rooms, other => $"Is the {things[t]} in the {other}?");
        }

        s.Topic("people in a house");
    }

    private static void Step(Story s, Person[] people, int present, string[] things, string[] rooms, int[] holders, string?[] thingRooms)
    {
        int thing = s.Random.Next(things.Length);
        int holder = holders[thing];
        switch (s.Random.Next(4))
        {
            case 0 when holder >= 0:
                s.Say($"{people[holder].Name} put down the {things[thing]}.", $"{people[holder].Name} left the {things[thing]} there.");
                holders[thing] = -1;
                return;
            case 1 when holder >= 0:
                int other = s.Random.Next(present);
                if (other == holder)
                    goto default;
                rooms[other] = rooms[holder];
                s.Say($"{people[other].Name} came to the {rooms[holder]}. {people[holder].Name} gave {people[other].Name} the {things[thing]}.");
                Carry(other, rooms[other], rooms, holders, thingRooms);
                holders[thing] = other;
                return;
            default:
                int walker = s.Random.Next(present);
                string room = s.Random.Pick(World.Rooms);
                s.Say($"{people[walker].Name} went to the {room}.", $"Then {people[walker].Name} went to the {room}.", $"{people[walker].Name} walked to the {room}.");
                Carry(walker, room, rooms, holders, thingRooms);
                return;
        }
    }

    private static void Carry(int walker, string room, string[] rooms, int[] holders, string?[] thingRooms)
    {
        rooms[walker] = room;
        for (int t = 0; t < holders.Length; t++)
        {
            if (holders[t] == walker)
                thingRooms[t] = room;
        }
    }
}
