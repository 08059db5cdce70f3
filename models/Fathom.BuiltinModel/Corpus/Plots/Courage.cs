namespace Fathom.BuiltinModel.Corpus.Plots;

/// <summary>Somebody is afraid, gets help, tries, and is proud.</summary>
internal static class Courage
{
    private static readonly (string Fear, string Test, string Advice)[] s_fears =
    [
        ("the dark", "went into the dark cellar", "take a lamp with you"),
        ("the water", "jumped into the water", "hold my hand"),
        ("thunder", "listened to the thunder", "count to ten"),
        ("high places", "climbed to the top of the hill", "look up and not down"),
        ("big dogs", "touched a big dog", "move slowly"),
        ("loud sounds", "played the big drum", "sing a song"),
        ("new people", "said hello to the new teacher", "smile first"),
    ];

    public static void Tell(Story s, Cast c)
    {
        Person hero = c.Hero, friend = c.Friend;
        var (fear, test, advice) = s.Random.Pick(s_fears);
        Scene.Open(s, c);
        s.Say($"{hero.Name} was afraid of {fear}.", $"There was one thing {hero.He} did not like: {hero.He} was afraid of {fear}.");
        s.Ask($"{hero.Name} was afraid of {fear}.", $"What was {hero.Name} afraid of?", $"What did {hero.Name} fear?");
        s.AskYesNo($"{hero.Name} was afraid of {fear}", fear, [.. s_fears.Select(f => f.Fear)], other => $"Was {hero.Name} afraid of {other}?");
        bool animalHelps = s.Random.Chance(0.4);
        string helper = animalHelps ? c.AnimalName : friend.Name;
        if (animalHelps)
        {
            s.Say($"{hero.CapitalHe} had {English.A(c.Animal.Name)} named {c.AnimalName}, who could talk.", $"{hero.His} best friend was {English.A(c.Animal.Name)} named {c.AnimalName}.");
            s.Ask($"{c.AnimalName} was {English.A(c.Animal.Name)}.", $"What kind of animal was {c.AnimalName}?", $"Who was {c.AnimalName}?");
            s.Ask($"The {c.Animal.Name} was called {c.AnimalName}.", $"What was the name of the {c.Animal.Name}?");
            s.Topic(English.A(c.Animal.Name));
        }
        else
        {
            s.Say($"{hero.CapitalHe} told {hero.His} friend {friend.Name} about it.", $"Only {hero.His} friend {friend.Name} knew about it.");
            s.Ask($"{hero.Name}'s friend was {friend.Name}.", $"Who was {hero.Name}'s friend?", "Who knew about it?");
        }

        s.Say($"\"I know what you can do,\" said {helper}. \"Just {advice}.\"", $"{helper} said, \"Do not be afraid. Just {advice}.\"");
        s.Ask($"{helper} said: just {advice}.", $"What did {helper} say?", $"What was {helper}'s advice?");
        s.Ask($"{helper} helped {hero.Name}.", $"Who helped {hero.Name}?");
        s.Paragraph();
        s.Say($"On {c.Day}, {hero.Name} took a deep breath.", $"{hero.Name} thought about it for a long time.", $"The next day, {hero.Name} wanted to try.");
        s.Say($"Then {hero.He} {test}.", $"Slowly, {hero.He} {test}.");
        s.Ask($"{hero.Name} {test}.", $"What did {hero.Name} do?", $"What did {hero.Name} try?", "How does the story end?");
        s.Say("It was not so bad at all.", $"{hero.His} heart was beating fast, but nothing bad happened.", "And nothing bad happened.");
        s.Say($"\"You did it!\" said {helper}.", $"{helper} was glad and laughed.");
        s.Say($"{hero.Name} felt proud and brave.", $"{hero.Name} was so proud.");
        Scene.AskFeeling(s, hero, "proud", $"{hero.He} {test}");
        s.Maybe(0.5, $"{hero.CapitalHe} got {English.A(c.Thing)} from {hero.His} {c.Relative} for being so brave.");
        Scene.Close(s, c);
        s.Topic("being brave");
        s.Topic($"{English.A(hero.Child)} who was afraid of {fear}");
        s.SummedUpAs($"{hero.Name} is afraid of {fear}, but with the help of {helper} {hero.He} becomes brave.");
    }
}
