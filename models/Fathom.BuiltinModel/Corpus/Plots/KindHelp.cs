namespace Fathom.BuiltinModel.Corpus.Plots;

/// <summary>A neighbour needs help with work; the help is thanked with something.</summary>
internal static class KindHelp
{
    private static readonly (string Work, string Done, string Reason)[] s_work =
    [
        ("carry a heavy bag", "carried the heavy bag", "the bag was too heavy"), ("bring in the hay", "brought in the hay", "there was too much hay"),
        ("paint the fence", "painted the fence", "the fence was very long"), ("clean the house", "cleaned the house", "the house was very big"),
        ("find the goat", "found the goat", "the goat had run away"), ("cut the wood", "cut the wood", "the winter was near"),
        ("feed the hens", "fed the hens", "there were so many hens"),
    ];

    public static void Tell(Story s, Cast c)
    {
        Person hero = c.Hero;
        var (work, done, reason) = s.Random.Pick(s_work);
        bool woman = s.Random.Chance(0.5);
        string old = woman ? "old woman" : "old man", who = woman ? "she" : "he";
        string job = s.Random.Pick(["baker", "farmer", "teacher", "doctor", "painter", "sailor"]);
        Scene.Open(s, c);
        s.Say($"Next door lived an {old} who had been a {job}.", $"{hero.His} neighbour was an {old}, who had once been a {job}.");
        s.Ask($"The {old} had been a {job}.", $"What had the {old} been?", $"What was the work of the {old}?");
        s.Say($"The {old} had to {work}, but {reason}.", $"\"I have to {work},\" said the {old}, \"but {reason}.\"");
        s.Ask($"The {old} had to {work}.", $"What did the {old} have to do?", $"Why did the {old} need help?");
        s.Say($"\"I can help you,\" said {hero.Name}.", $"{hero.Name} saw it and ran over to help.");
        bool together = s.Random.Chance(0.5);
        if (together)
        {
            s.Say($"{hero.CapitalHe} called {hero.His} friend {c.Friend.Name}, and together they {done}.", $"{c.Friend.Name} came too, and they {done}.");
            s.Ask($"{hero.Name} and {c.Friend.Name} helped the {old}.", $"Who helped the {old}?", $"Who {done}?");
        }
        else
        {
            s.Say($"{hero.CapitalHe} {done} all alone.", $"Then {hero.He} {done}.");
            s.Ask($"{hero.Name} helped the {old}.", $"Who helped the {old}?", $"Who {done}?");
        }

        int hours = 1 + s.Random.Next(6);
        s.Say($"It took {World.Numbers[hours]} {(hours == 1 ? "hour" : "hours")}.");
        s.Ask($"It took {World.Numbers[hours]} {(hours == 1 ? "hour" : "hours")}.", "How long did it take?", "How many hours did it take?");
        s.Paragraph();
        s.Say($"The {old} was very thankful.", $"\"You are so kind,\" said the {old}.", $"The {old} smiled. \"Thank you, {hero.Name}.\"");
        var fruit = s.Random.Pick(World.Fruit);
        int number = 2 + s.Random.Next(9);
        s.Say($"Then {who} gave {hero.Name} {English.Count(number, fruit)} and {English.A(c.Thing)}.", $"{who} gave {hero.Him} {English.Count(number, fruit)} and {English.A(c.Thing)} from the time when {who} was young.");
        s.Ask($"{hero.Name} got {English.Count(number, fruit)} and {English.A(c.Thing)}.", $"What did {hero.Name} get?", $"What did the {old} give {hero.Name}?");
        s.Ask($"{hero.Name} got {English.Count(number, fruit)}.", $"How many {fruit.Many} did {hero.Name} get?");
        Scene.AskColour(s, c.Item.Name, c.Colour);
        int eaten = 1 + s.Random.Next(number - 1);
        s.Say($"{hero.Name} ate {English.Count(eaten, fruit)} on the way home.");
        s.Ask($"{hero.Name} ate {English.Count(eaten, fruit)}.", $"How many {fruit.Many} did {hero.Name} eat?");
        s.Say($"{hero.CapitalHe} felt happy, because it is good to help others.", $"{hero.Name} was glad that {hero.He} had helped.");
        Scene.AskFeeling(s, hero, "happy", $"{hero.He} helped the {old}");
        Scene.Close(s, c);
        s.Topic("helping others");
        s.Topic($"an {old}");
        s.SummedUpAs($"{hero.Name} helps an {old} to {work} and gets {English.A(c.Thing)}.");
    }
}
