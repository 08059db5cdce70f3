namespace Fathom.BuiltinModel.Corpus.Plots;

/// <summary>A child finds an animal in need, helps it, and gives it a name.</summary>
internal static class AnimalFriend
{
    private static readonly (string Trouble, string Reason, string Help)[] s_needs =
    [
        ("was hungry", "it had not eaten all day", "gave it some food"),
        ("was cold", "it had no warm place", "put a blanket around it"),
        ("was lost", "it could not find its mother", "looked for its mother"),
        ("had hurt its leg", "it had fallen from a rock", "put a cloth around its leg"),
        ("was stuck", "its foot was caught in a fence", "opened the fence with care"),
        ("was thirsty", "there was no water near", "brought it a bowl of water"),
    ];

    public static void Tell(Story s, Cast c)
    {
        Person hero = c.Hero;
        string animal = c.Animal.Name;
        var (trouble, reason, help) = s.Random.Pick(s_needs);
        Scene.Open(s, c);
        s.Say($"{hero.Name} was walking {c.Place.At} when {hero.He} heard a sound.", $"{hero.CapitalHe} went to {c.Place.The} alone.", $"{hero.Name} liked to walk {c.Place.At}.");
        s.Ask($"{hero.Name} was {c.Place.At}.", $"Where was {hero.Name}?", $"Where did {hero.Name} walk?", $"Where did {hero.Name} find the {animal}?");
        string spot = s.Random.Pick(c.Place.Spots);
        s.Say($"{spot} sat a little {c.Colour} {animal}.", $"There, {spot}, {hero.He} saw a small {c.Colour} {animal}.");
        Scene.AskColour(s, animal, c.Colour);
        s.Ask($"The {animal} was {spot}.", $"Where was the {animal}?");
        s.Ask($"{hero.Name} found {English.A(animal)}.", $"Which animal did {hero.Name} find?", $"What did {hero.Name} see?", $"Which animal did {hero.Name} help?");
        s.Say($"The {animal} {trouble} because {reason}.", $"It {trouble}, because {reason}.");
        s.Ask($"The {animal} {trouble} because {reason}.", $"What was wrong with the {animal}?", $"Why did the {animal} need help?");
        s.Paragraph();
        s.Say($"\"Poor little {animal},\" said {hero.Name}. \"I will help you.\"", $"{hero.Name} felt sorry for it.", $"\"Do not be afraid,\" said {hero.Name} softly.");
        s.Say($"{hero.CapitalHe} {help}.", $"So {hero.He} {help}.");
        s.Ask($"{hero.Name} {help}.", $"How did {hero.Name} help the {animal}?", $"What did {hero.Name} do for the {animal}?");
        if (s.Random.Chance(0.7))
        {
            s.Say($"Then {hero.He} gave it a name: {c.AnimalName}.", $"{hero.CapitalHe} called the {animal} {c.AnimalName}.", $"\"I will call you {c.AnimalName},\" {hero.He} said.");
            s.Ask($"The {animal} was called {c.AnimalName}.", $"What was the name of the {animal}?", $"What did {hero.Name} call the {animal}?", $"What is the {animal}'s name?");
            s.Say($"{c.AnimalName} was happy and followed {hero.Him} everywhere.", $"From then on, {c.AnimalName} came to see {hero.Him} every {c.Day}.");
        }
        else
        {
            s.Say($"The {animal} looked at {hero.Him} with big eyes, as if it said thank you.", $"Soon the {animal} felt better and ran away happily.");
        }

        if (s.Random.Chance(0.5))
        {
            s.Say($"Later, when {hero.Name} lost {hero.His} way, the {animal} led {hero.Him} home.", $"One day {hero.Name} could not find the way home, and the {animal} showed it to {hero.Him}.");
            s.Ask($"The {animal} showed {hero.Name} the way home.", $"How did the {animal} help {hero.Name}?", $"What did the {animal} do for {hero.Name}?");
        }

        s.Maybe(0.5, "If you are kind to others, they will be kind to you.", $"{hero.Name} had found a new friend.");
        Scene.Close(s, c);
        s.Topic(English.A(animal));
        s.Topic($"{English.A(hero.Child)} and {English.A(animal)}");
        s.Topic($"a {c.Colour} {animal}".Replace("a orange", "an orange", StringComparison.Ordinal));
        s.SummedUpAs($"{hero.Name} finds {English.A(animal)} that {trouble} and helps it.");
    }
}
